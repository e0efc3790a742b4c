import { describe, expect, it } from "vitest";
import { ChartStore } from "../src/store/store";
import { readPacket } from "../src/wire/packet";
import { type FrameSpec, packet, type SectionSpec } from "./packets";

/** The slow, readable twin: plain arrays and splice. */
class Twin {
  x: number[] = [];
  y: number[] = [];

  apply({ trim = 0, cut = 0, patches = [], x = [], y = [] }: SectionSpec): void {
    for (const [held, key] of [
      [this.x, "x"],
      [this.y, "y"],
    ] as const) {
      held.splice(0, trim);
      for (const patch of patches) held.splice(patch.start, patch.remove, ...patch[key]);
      held.splice(held.length - cut, cut);
      held.push(...(key === "x" ? x : y));
    }
  }
}

/** A seeded generator (mulberry32), so that a failure can be run again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

function randomSection(next: (below: number) => number, series: number, held: number): SectionSpec {
  const values = (count: number) => Array.from({ length: count }, () => next(1e6) / 7);
  const trim = next(Math.min(held, 40) + 1);
  let length = held - trim;
  const patches = Array.from({ length: next(4) }, () => {
    const start = next(length + 1);
    const remove = next(Math.min(5, length - start) + 1);
    const insert = next(6);
    length += insert - remove;
    return { start, remove, x: values(insert), y: values(insert) };
  });
  const append = next(60);
  return {
    series,
    trim,
    patches,
    cut: next(Math.min(3, length) + 1),
    x: values(append),
    y: values(append),
  };
}

const same = (found: Float64Array | undefined, expected: number[]) =>
  found?.length === expected.length && expected.every((value, i) => Object.is(value, found[i]));

const apply = (store: ChartStore, spec: FrameSpec) =>
  readPacket(packet([spec])).map((frame) => store.apply(frame))[0];

describe("ChartStore", () => {
  it.each([1, 2, 3, 4, 5])("equals its readable twin after a random history (seed %i)", (seed) => {
    const next = random(seed);
    const store = new ChartStore();
    const twins = [new Twin(), new Twin()];
    apply(store, { sequence: 1, series: ["a", "b"] });
    for (let sequence = 2; sequence < 300; sequence++) {
      const sections = twins.flatMap((twin, i) =>
        next(4) > 0 ? [randomSection(next, i, twin.x.length)] : [],
      );
      for (const section of sections) twins[section.series]?.apply(section);
      expect(apply(store, { sequence, base: sequence - 1, sections })).toBe("applied");
      twins.forEach((twin, i) => {
        const track = store.series[i]?.track;
        expect(same(track?.x, twin.x) && same(track?.y, twin.y)).toBe(true);
      });
    }
  });

  it("asks for a snapshot at a gap and takes up again with one", () => {
    const store = new ChartStore();
    expect(apply(store, { sequence: 4, base: 3 })).toBe("gap");
    expect(
      apply(store, { sequence: 5, series: ["a"], sections: [{ series: 0, x: [1], y: [2] }] }),
    ).toBe("applied");
    expect(store.needsSnapshot).toBe(false);
    expect(apply(store, { sequence: 7, base: 6 })).toBe("gap");
    expect(store.needsSnapshot).toBe(true);
    expect(store.series[0]?.track.length).toBe(1);
    expect(apply(store, { sequence: 8, series: ["a"] })).toBe("applied");
    expect(store.needsSnapshot).toBe(false);
    expect(store.series[0]?.track.length).toBe(0);
  });

  it("refuses a diff of another generation and passes over what is not newer", () => {
    const store = new ChartStore();
    apply(store, { sequence: 5, series: ["a"] });
    expect(apply(store, { sequence: 6, base: 5, generation: 2 })).toBe("gap");
    expect(apply(store, { sequence: 5, series: ["a", "b"] })).toBe("passed");
    expect(apply(store, { sequence: 4, base: 3 })).toBe("passed");
    expect(store.series.length).toBe(1);
  });

  it("applies a frame in parts only when the last one has come", () => {
    const store = new ChartStore();
    const part = (k: number, series: number) => ({
      sequence: 3,
      flags: 1,
      part: k,
      parts: 2,
      ...(k === 0 ? { series: ["a", "b"] } : {}),
      sections: [{ series, x: [series], y: [series] }],
    });
    expect(apply(store, part(0, 0))).toBe("waiting");
    expect(store.sequence).toBe(0);
    expect(apply(store, part(1, 1))).toBe("applied");
    expect(store.series.map((s) => s.track.length)).toEqual([1, 1]);
    expect(apply(store, { sequence: 4, base: 3, part: 1, parts: 2 })).toBe("gap");
  });
});
