import { describe, expect, it } from "vitest";
import { lowerBound, pathOf, visibleSlice } from "../src/renderer/path";

const AREA = { left: 0, top: 0, width: 100, height: 50 };
const PICTURE = {
  curves: [],
  looks: [],
  marks: [],
  origin: 0n,
  start: 0,
  stop: 10,
  low: 0,
  high: 1,
};

function path(x: number[], y: number[]): string {
  const curve = { x: Float64Array.from(x), y: Float64Array.from(y), visible: true };
  return pathOf(curve, PICTURE, AREA);
}

describe("pathOf", () => {
  it("maps the range to the area, y upwards, to a tenth of a pixel", () => {
    expect(path([0, 5, 10], [0, 1, 1 / 3])).toBe("M0,50L50,0 100,33.3");
  });

  it("breaks the line at a value that is not finite, and dots a lone point", () => {
    expect(path([0, 1, 2, 3, 4], [0, 1, Number.NaN, 1, 1])).toBe("M0,50L10,0M30,0L40,0");
    expect(path([0, 1, 2], [Number.POSITIVE_INFINITY, 1, Number.NaN])).toBe("M10,0h0");
    expect(path([3], [0.5])).toBe("M30,25h0");
    expect(path([], [])).toBe("");
  });

  it("keeps one neighbour outside on each side and clips far pixels", () => {
    expect(path([-30, -5, 5, 15, 40], [0, 0, 0, 0, 0])).toBe("M-50,50L50,50 150,50");
    expect(path([0, 1], [1e9, 0])).toBe("M0,-20000L10,50");
  });
});

describe("visibleSlice", () => {
  it("agrees with a plain search at every boundary", () => {
    const x = Float64Array.of(1, 1, 2, 2, 2, 5, 9);
    for (let value = 0; value <= 10; value += 0.5) {
      const found = [...x].findIndex((v) => v >= value);
      expect(lowerBound(x, value)).toBe(found === -1 ? x.length : found);
    }
    expect(visibleSlice(x, 2, 2)).toEqual([1, 6]);
    expect(visibleSlice(x, 20, 30)).toEqual([6, 7]);
    expect(visibleSlice(new Float64Array(0), 0, 1)).toEqual([0, 0]);
  });
});
