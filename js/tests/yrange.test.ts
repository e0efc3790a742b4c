import { describe, expect, it } from "vitest";
import { extent, YRange } from "../src/renderer/yrange";

const curve = (y: number[], visible = true) => ({
  x: Float64Array.from(y, (_, i) => i),
  y: Float64Array.from(y),
  visible,
});

describe("extent", () => {
  it("passes over hidden curves, what is out of range and what is not finite", () => {
    const curves = [curve([5, Number.NaN, 7, 900]), curve([-100], false), curve([])];
    expect(extent(curves, 0, 1)).toEqual([5, 7]);
    expect(extent([curve([Number.NaN])], 0, 1)).toBeNull();
  });
});

describe("YRange", () => {
  it("expands at once, with room beyond the data", () => {
    const range = new YRange();
    range.update([0, 10], 0);
    range.update([0, 20], 1);
    expect(range.high).toBeGreaterThan(20);
    expect(range.low).toBeLessThan(0);
  });

  it("stays still while the data stays within", () => {
    const range = new YRange();
    range.update([0, 10], 0);
    const before = [range.low, range.high];
    for (let now = 0; now < 60_000; now += 100) range.update([now % 3, 10 - (now % 3)], now);
    expect([range.low, range.high]).toEqual(before);
  });

  it("shrinks only after the data has been small for a while", () => {
    const range = new YRange();
    range.update([0, 100], 0);
    range.update([40, 50], 1000);
    range.update([40, 50], 3900);
    expect(range.high).toBeGreaterThan(100);
    range.update([0, 90], 3950);
    range.update([40, 50], 4000);
    range.update([40, 50], 6900);
    expect(range.high).toBeGreaterThan(100);
    range.update([40, 50], 7000);
    expect(range.high).toBeLessThan(60);
    expect(range.low).toBeGreaterThan(30);
  });

  it("gives a constant a range of its own, at any size", () => {
    for (const value of [0, 1e-9, -5, 1e300]) {
      const range = new YRange();
      range.update([value, value], 0);
      expect(range.low).toBeLessThan(value);
      expect(range.high).toBeGreaterThan(value);
    }
  });

  it("refits at once when told to, and keeps still without data", () => {
    const range = new YRange();
    range.update([0, 100], 0);
    range.refit();
    range.update(null, 1);
    expect(range.high).toBeGreaterThan(100);
    range.update([1, 2], 2);
    expect(range.high).toBeLessThan(3);
  });

  it("shrinks in steps where it may, and never hides what grows meanwhile", () => {
    const range = new YRange();
    range.update([0, 100], 0, true);
    range.update([40, 50], 1000, true);
    range.update([40, 50], 4000, true);
    const highs = [4000, 4100, 4200].map((now) => {
      range.update([40, 50], now, true);
      return range.high;
    });
    expect(highs[0]).toBe(108);
    expect(highs[1]).toBeLessThan(108);
    expect(highs[2]).toBeLessThan(highs[1] as number);
    expect(range.moving).toBe(true);
    range.update([40, 200], 4250, true);
    expect([range.moving, range.high > 200]).toEqual([false, true]);
  });
});
