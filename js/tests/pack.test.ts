import { deflateSync } from "fflate";
import { describe, expect, it } from "vitest";
import { readPacket } from "../src/wire/packet";
import { packet } from "./packets";

const FORMS = [0, 1];
const MIB = 2 ** 20;
const wave = (scale: number) => Array.from({ length: 300 }, (_, i) => Math.sin(i / 9) * scale);
const PLAIN = packet([
  { sequence: 1, series: ["a"], sections: [{ series: 0, x: wave(1e9), y: wave(1) }] },
  { sequence: 2, base: 1, flags: 2, sections: [{ series: 0, trim: 1, x: [1], y: [Number.NaN] }] },
]);

function shuffled(bytes: Uint8Array): Uint8Array {
  const words = bytes.length / 8;
  return bytes.map((_, at) => bytes[(at % words) * 8 + Math.floor(at / words)] ?? 0);
}

/** A packed packet, `shift` bytes into its buffer, with what `change` makes of its fields. */
function packed(form: number, plain = bytesOf(PLAIN), change: number[] = [], shift = 0): DataView {
  const body = deflateSync(form === 1 ? shuffled(plain) : plain);
  const bytes = new Uint8Array(shift + 16 + body.length);
  const view = new DataView(bytes.buffer, shift);
  const fields = [0x315a574c, form, plain.length, 16 + body.length];
  fields.forEach((value, i) => {
    view.setUint32(i * 4, change[i] ?? value, true);
  });
  bytes.set(body, shift + 16);
  return view;
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

describe("a packed packet", () => {
  it.each(FORMS)("of form %i is read as the plain one", (form) => {
    for (const shift of [0, 1, 8]) {
      const frames = readPacket(packed(form, undefined, [], shift));
      expect(frames).toEqual(readPacket(PLAIN));
      // Numbers are aligned in what was opened: they are drawn from without a copy.
      const { x } = frames[0]?.sections[0] ?? {};
      expect(x?.buffer.byteLength).toBeGreaterThan(300 * 16);
    }
  });

  it.each(FORMS)("of form %i that is cut short is refused", (form) => {
    const whole = packed(form);
    for (let end = 0; end < whole.byteLength; end += 5) {
      const cut = bytesOf(whole).slice(0, end);
      expect(() => readPacket(new DataView(cut.buffer))).toThrow(RangeError);
      if (end < 16) continue;
      const told = new DataView(cut.buffer);
      told.setUint32(12, end, true); // it says so itself: the stream within is cut
      expect(() => readPacket(told)).toThrow(RangeError);
    }
  });

  it.each([
    ["a form that is not known", [undefined, 2]],
    ["more bytes than there are", [undefined, undefined, PLAIN.byteLength + 8]],
    ["fewer bytes than there are", [undefined, undefined, PLAIN.byteLength - 8]],
    ["a length that is not of whole words", [undefined, undefined, PLAIN.byteLength - 1]],
    ["more than a packet has", [undefined, undefined, MIB + 8]],
    ["an end before its header's", [undefined, undefined, undefined, 15]],
    ["an end behind its own", [undefined, undefined, undefined, PLAIN.byteLength - 1]],
  ])("that says %s is refused", (_, change) => {
    expect(() => readPacket(packed(0, undefined, change as number[]))).toThrow(RangeError);
  });

  it("that would not be smaller is refused", () => {
    const noise = Uint8Array.from({ length: 64 }, (_, i) => (i * 167 + (i * i) / 3) & 255);
    expect(() => readPacket(packed(0, noise))).toThrow(RangeError);
  });

  it("that opens into far more than it says is refused, and takes no more room", () => {
    const bomb = packed(0, new Uint8Array(16 * MIB), [0x315a574c, 0, MIB]);
    expect(bomb.byteLength).toBeLessThan(MIB);
    expect(() => readPacket(bomb)).toThrow("packed packet is not of 1048576 bytes");
  });

  it("within another is refused", () => {
    const inner = bytesOf(packed(0, new Uint8Array(8000)));
    const padded = new Uint8Array(Math.ceil(inner.length / 8) * 8 + 800);
    padded.set(inner);
    expect(() => readPacket(packed(0, padded))).toThrow("not a livewidget packet");
  });

  it("with any byte changed is read or refused, and nothing else", () => {
    const whole = bytesOf(packed(1));
    for (let at = 0; at < whole.length; at += 3) {
      const bad = whole.slice();
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
      try {
        readPacket(new DataView(bad.buffer));
      } catch (error) {
        expect(error instanceof RangeError || error instanceof SyntaxError).toBe(true);
      }
    }
  });
});
