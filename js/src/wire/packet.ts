/** Reads packets as `wire/layout.md` (in the Python package) specifies them. */
import type { Frame, Meta, Patch, Section } from "../data/frame";
import { isPacked, unpack } from "./pack";

const MAGIC = 0x3150574c;
const PACKET_HEADER = 16;
const FRAME_HEADER = 72;
const SECTION_HEADER = 24;
const PATCH_BYTES = 16;
const SNAPSHOT = 1;
const FOLLOW = 2;

const text = new TextDecoder();

/** The frames of `packet`, in order. Throws RangeError where the bytes do not fit the layout. */
export function readPacket(packet: DataView): Frame[] {
  return readPlain(isPacked(packet) ? unpack(packet) : packet);
}

function readPlain(packet: DataView): Frame[] {
  if (packet.byteLength < PACKET_HEADER || packet.getUint32(0, true) !== MAGIC) {
    throw new RangeError("not a livewidget packet");
  }
  const count = packet.getUint32(8, true);
  const end = packet.getUint32(12, true);
  if (end > packet.byteLength) throw new RangeError(`packet of ${end} bytes is cut short`);
  const frames: Frame[] = [];
  let offset = PACKET_HEADER;
  for (let i = 0; i < count; i++) {
    const length = offset + FRAME_HEADER <= end ? packet.getUint32(offset, true) : 0;
    if (length < FRAME_HEADER || offset + length > end) {
      throw new RangeError(`frame ${i} does not fit its packet`);
    }
    frames.push(readFrame(new DataView(packet.buffer, packet.byteOffset + offset, length)));
    offset += length;
  }
  return frames;
}

function readFrame(view: DataView): Frame {
  const flags = view.getUint16(20, true);
  const metaBytes = view.getUint32(32, true);
  return {
    chart: view.getUint32(4, true),
    generation: view.getUint32(8, true),
    sequence: view.getUint32(12, true),
    base: view.getUint32(16, true),
    snapshot: (flags & SNAPSHOT) !== 0,
    follow: (flags & FOLLOW) !== 0,
    part: view.getUint16(24, true),
    parts: view.getUint16(26, true),
    viewport: view.getUint32(28, true),
    origin: view.getBigInt64(40, true),
    start: view.getFloat64(48, true),
    stop: view.getFloat64(56, true),
    arrival: view.getFloat64(64, true),
    meta: metaBytes > 0 ? readMeta(view, metaBytes) : null,
    sections: readSections(view, FRAME_HEADER + Math.ceil(metaBytes / 8) * 8),
  };
}

function readMeta(view: DataView, bytes: number): Meta {
  if (FRAME_HEADER + bytes > view.byteLength) throw new RangeError("meta does not fit its frame");
  const raw = JSON.parse(
    text.decode(new Uint8Array(view.buffer, view.byteOffset + FRAME_HEADER, bytes)),
  );
  return { series: raw.series ?? [], notes: raw.notes ?? [], bucketNs: raw.bucket_ns ?? 0 };
}

function readSections(view: DataView, first: number): Section[] {
  const sections: Section[] = [];
  const count = view.getUint16(22, true);
  let offset = first;
  for (let i = 0; i < count; i++) {
    const section = readSection(view, offset);
    sections.push(section);
    offset += SECTION_HEADER + section.patches.length * PATCH_BYTES + section.x.byteLength * 2;
  }
  return sections;
}

function readSection(view: DataView, offset: number): Section {
  const patches: Patch[] = [];
  const append = view.getUint32(offset + 16, true);
  let points = append;
  let at = offset + SECTION_HEADER;
  for (let i = view.getUint32(offset + 12, true); i > 0; i--, at += PATCH_BYTES) {
    const insert = view.getUint32(at + 8, true);
    patches.push({ start: view.getUint32(at, true), remove: view.getUint32(at + 4, true), insert });
    points += insert;
  }
  return {
    series: view.getUint32(offset, true),
    trim: view.getUint32(offset + 4, true),
    cut: view.getUint32(offset + 8, true),
    append,
    patches,
    x: floats(view, at, points),
    y: floats(view, at + points * 8, points),
  };
}

/** `count` numbers at `offset` of `view`: a view where the bytes are aligned, else a copy. */
function floats(view: DataView, offset: number, count: number): Float64Array {
  const start = view.byteOffset + offset;
  const bytes = count * 8;
  if (offset + bytes > view.byteLength) throw new RangeError("section does not fit its frame");
  if (start % 8 === 0) return new Float64Array(view.buffer as ArrayBuffer, start, count);
  return new Float64Array(view.buffer.slice(start, start + bytes) as ArrayBuffer);
}
