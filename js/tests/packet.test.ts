import { describe, expect, it } from "vitest";
import { readPacket } from "../src/wire/packet";
import { packet } from "./packets";

const SPEC = {
  chart: 3,
  generation: 2,
  sequence: 9,
  viewport: 4_000_000_000,
  origin: 1_793_456_789_012_345_678n,
  start: -5e9,
  stop: 1.5,
  arrival: 12.25,
  series: ["größe", "b"],
  sections: [
    { series: 1, trim: 2, cut: 1, x: [1, 2], y: [Number.NaN, -0] },
    { series: 0, patches: [{ start: 4, remove: 1, x: [7], y: [8] }], x: [9], y: [10] },
  ],
};

describe("readPacket", () => {
  it.each([0, 1, 4, 8])("reads every field, %i bytes into its buffer", (shift) => {
    const [frame] = readPacket(packet([SPEC], shift));
    expect(frame).toMatchObject({
      chart: 3,
      generation: 2,
      sequence: 9,
      base: 0,
      snapshot: true,
      follow: true,
      part: 0,
      parts: 1,
      viewport: 4_000_000_000,
      origin: 1_793_456_789_012_345_678n,
      start: -5e9,
      stop: 1.5,
      arrival: 12.25,
    });
    expect(frame?.meta?.series.map((s) => s.name)).toEqual(["größe", "b"]);
    const [first, second] = frame?.sections ?? [];
    expect([...(first?.x ?? [])]).toEqual([1, 2]);
    expect(first?.y[0]).toBeNaN();
    expect(Object.is(first?.y[1], -0)).toBe(true);
    expect(second?.patches).toEqual([{ start: 4, remove: 1, insert: 1 }]);
    expect([...(second?.x ?? []), ...(second?.y ?? [])]).toEqual([7, 9, 8, 10]);
  });

  it("reads several frames one after another", () => {
    const frames = readPacket(
      packet([SPEC, { sequence: 10, base: 9 }, { sequence: 11, base: 10 }]),
    );
    expect(frames.map((f) => f.sequence)).toEqual([9, 10, 11]);
    expect(frames[1]?.meta).toBeNull();
  });

  it("refuses what does not fit the layout", () => {
    const good = packet([SPEC]);
    const bytes = new Uint8Array(good.buffer);
    expect(() => readPacket(new DataView(new ArrayBuffer(8)))).toThrow(RangeError);
    for (let end = 0; end < bytes.length; end += 7) {
      expect(() => readPacket(new DataView(bytes.slice(0, end).buffer))).toThrow(RangeError);
    }
    for (const offset of [0, 12, 16]) {
      const bad = new DataView(bytes.slice().buffer);
      bad.setUint32(offset, 0xffff_ffff, true);
      expect(() => readPacket(bad)).toThrow(RangeError);
    }
  });
});
