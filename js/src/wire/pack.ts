/** Opens packed packets, as `wire/layout.md` (in the Python package) specifies them. */
import { inflateSync } from "fflate";

const MAGIC = 0x315a574c;
const HEADER = 16;
const LIMIT = 2 ** 20;
const SHUFFLED = 1;

/** Whether `packet` is a packed one. */
export function isPacked(packet: DataView): boolean {
  return packet.byteLength >= HEADER && packet.getUint32(0, true) === MAGIC;
}

/** The plain packet within a packed one. Throws RangeError where the bytes do not fit the layout. */
export function unpack(packed: DataView): DataView {
  const form = packed.getUint32(4, true);
  const length = packed.getUint32(8, true);
  const end = packed.getUint32(12, true);
  if (form > SHUFFLED) throw new RangeError(`form ${form} of a packed packet is not known`);
  // Checked before a byte is opened: what is packed is smaller, and at most as large as a packet.
  if (length > LIMIT || length % 8 !== 0 || end < HEADER || end >= length) {
    throw new RangeError(`a packet of ${length} bytes does not come in ${end}`);
  }
  if (end > packed.byteLength) throw new RangeError(`packed packet of ${end} bytes is cut short`);
  const body = new Uint8Array(packed.buffer, packed.byteOffset + HEADER, end - HEADER);
  const bytes = inflated(body, length);
  return new DataView(form === SHUFFLED ? unshuffled(bytes).buffer : bytes.buffer, 0, length);
}

/** Exactly `length` bytes, in a buffer that holds one more: what would be longer fills that one. */
function inflated(body: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array;
  try {
    bytes = inflateSync(body, { out: new Uint8Array(length + 1) });
  } catch (error) {
    throw new RangeError(`packed packet cannot be opened: ${String(error)}`);
  }
  if (bytes.length !== length) throw new RangeError(`packed packet is not of ${length} bytes`);
  return bytes as Uint8Array<ArrayBuffer>;
}

/** Words of eight bytes from all their first bytes, then all their second ones, and so on. */
function unshuffled(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length);
  const words = bytes.length / 8;
  for (let place = 0, from = 0; place < 8; place++) {
    for (let to = place; from < words * (place + 1); to += 8, from++) out[to] = bytes[from] ?? 0;
  }
  return out;
}
