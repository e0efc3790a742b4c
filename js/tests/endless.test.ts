import { afterEach, describe, expect, it, vi } from "vitest";
import type { Curve } from "../src/renderer/base";
import { timeTicks, valueTicks } from "../src/renderer/ticks";
import { extent, YRange } from "../src/renderer/yrange";
import { Zone } from "../src/renderer/zone";

/** Throws where one call would go on for ever: a loop without an end cannot be timed out. */
function bounded<T>(call: () => T): T {
  const toFixed = Number.prototype.toFixed;
  let calls = 0;
  vi.spyOn(Number.prototype, "toFixed").mockImplementation(function (this: number, digits) {
    if (++calls > 10_000) throw new Error("endless");
    return toFixed.call(this, digits);
  });
  return call();
}

describe("ticks end", () => {
  afterEach(() => vi.restoreAllMocks());

  it("of values that differ in their last bit only", () => {
    // A mean of 0.1, 0.2 and so on: constant but for rounding.
    const curve: Curve = {
      x: Float64Array.of(0, 1),
      y: Float64Array.of(0.3, 0.1 + 0.2),
      visible: true,
    };
    const range = new YRange();
    range.update(extent([curve], 0, 1), 0);
    expect(range.high).toBeGreaterThan(range.low);
    const ticks = bounded(() => valueTicks(range.low, range.high, 6));
    expect(ticks.length).toBeLessThan(20);
  });

  it("of values as far apart as numbers go, and there are some", () => {
    for (const [low, high] of [
      [-1.7e308, 1.7e308],
      [-1e300, 1.7e308],
      [1.7e308, 1.7e308],
    ] as const) {
      const range = new YRange();
      range.update([low, high], 0);
      expect(range.high).toBeGreaterThan(range.low);
      expect(range.high - range.low).toBeLessThan(Number.POSITIVE_INFINITY);
      expect(bounded(() => valueTicks(range.low, range.high, 6)).length).toBeGreaterThan(2);
    }
  });

  it("of a range of time that no calendar has", () => {
    class Counting extends Zone {
      calls = 0;
      override toUtc(wall: number): number {
        if (++this.calls > 10_000) throw new Error("endless");
        return super.toUtc(wall);
      }
    }
    expect(timeTicks(Date.UTC(2026), 1e16, 6, new Counting("UTC")).length).toBeLessThan(20);
    expect(timeTicks(-1e16, 1e16, 6, new Counting("UTC")).length).toBeLessThan(20);
  });
});
