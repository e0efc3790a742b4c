import { describe, expect, it } from "vitest";
import { type Ink, Raster } from "../src/renderer/raster";

const BLUE: Ink = { rgb: 0xff8000, alpha: 255 }; // red 0, green 128, blue 255

/** Numbers that look random and are the same each time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SAMPLES = 7;

type Point = [number, number];

/** A curve whose values are pixels of a picture of this size, drawn with one ink. */
function drawn(points: Point[], [width, height]: Point, weight: number, ink = BLUE): Raster {
  const raster = new Raster(width, height);
  const x = Float64Array.from(points, ([px]) => px);
  const y = Float64Array.from(points, ([, py]) => height - py);
  const range = { start: 0, stop: width, low: 0, high: height };
  raster.draw({ x, y, visible: true }, range, weight, ink);
  return raster;
}

function opacity({ bytes, width }: Raster, column: number, row: number): number {
  return (bytes[4 * (row * width + column) + 3] as number) / 255;
}

/** The twin: how much of a pixel lies within half a pen of a line, by samples. */
function covered(points: Point[], column: number, row: number, weight: number): number {
  let inside = 0;
  const near = points.filter(([x], i) => {
    const [before = x] = points[i - 1] ?? [];
    const [after = x] = points[i + 1] ?? [];
    return after > column - weight && before < column + 1 + weight;
  });
  for (let i = 0; i < SAMPLES ** 2; i++) {
    const [right, down] = [i % SAMPLES, Math.floor(i / SAMPLES)];
    const at: Point = [column + (right + 0.5) / SAMPLES, row + (down + 0.5) / SAMPLES];
    if (distance(near, at) <= weight / 2) inside += 1;
  }
  return inside / SAMPLES ** 2;
}

function distance(points: Point[], [x, y]: Point): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < points.length; i++) {
    const [x0, y0] = points[Math.max(0, i - 1)] as Point;
    const [x1, y1] = points[i] as Point;
    if (Number.isNaN(y0 + y1)) {
      if (!Number.isNaN(y1)) least = Math.min(least, Math.hypot(x - x1, y - y1));
      continue;
    }
    const square = (x1 - x0) ** 2 + (y1 - y0) ** 2;
    const along = square === 0 ? 0 : ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / square;
    const part = Math.min(1, Math.max(0, along));
    least = Math.min(least, Math.hypot(x - x0 - part * (x1 - x0), y - y0 - part * (y1 - y0)));
  }
  return least;
}

describe("the raster", () => {
  it.each([
    ["flat and steep lines", 1.5, 7, 0],
    ["a thin pen", 1, 5, 0],
    ["a screen of twice the pixels", 3, 9, 0],
    ["several points a pixel", 1.5, 0.3, 0],
    ["broken lines and single points", 1.5, 6, 0.3],
  ])("inks what a round pen covers: %s", (_, weight, step, gaps) => {
    const [width, height] = [40, 30];
    for (let seed = 0; seed < 6; seed++) {
      const next = random(seed);
      const points: Point[] = [];
      for (let x = -5; x < width + 8; x += step * 2 * next()) {
        points.push([x, next() < gaps ? Number.NaN : 40 * next() - 5]);
      }
      const raster = drawn(points, [width, height], weight);
      let wrong = 0;
      for (let row = 0; row < height; row++) {
        // What lies beyond the first and the last column is left out but for one point.
        for (let column = 2; column < width - 2; column++) {
          const off = opacity(raster, column, row) - covered(points, column, row, weight);
          expect(Math.abs(off), `seed ${seed}, pixel ${column}, ${row}`).toBeLessThan(0.35);
          wrong += Math.abs(off);
        }
      }
      expect(wrong / (width * height)).toBeLessThan(0.03);
    }
  });

  it("fills an upright jump without a hole", () => {
    const raster = drawn(
      [
        [10.5, -30],
        [10.5, 70],
      ],
      [20, 40],
      1.5,
    );
    for (let row = 0; row < 40; row++) expect(opacity(raster, 10, row)).toBe(1);
    expect(opacity(raster, 8, 20)).toBe(0);
  });

  it("draws a point that stands alone as a dot", () => {
    const raster = drawn([[10, 10]], [20, 20], 2);
    const all = [9, 10].flatMap((x) => [9, 10].map((y) => opacity(raster, x, y)));
    for (const each of all) expect(each).toBeCloseTo(Math.PI / 4, 1);
  });

  it("lays a later curve over an earlier one, and half transparent ink lets it through", () => {
    const raster = drawn(
      [
        [0, 10],
        [20, 10],
      ],
      [20, 20],
      4,
    );
    const flat = { x: Float64Array.of(0, 20), y: Float64Array.of(10, 10), visible: true };
    const range = { start: 0, stop: 20, low: 0, high: 20 };
    const at = 4 * (10 * 20 + 10);
    raster.draw(flat, range, 4, { rgb: 0x0000ff, alpha: 128 });
    expect([...raster.bytes.slice(at, at + 4)]).toEqual([128, 64, 127, 255]);
    raster.draw(flat, range, 4, { rgb: 0x0000ff, alpha: 255 });
    expect([...raster.bytes.slice(at, at + 4)]).toEqual([255, 0, 0, 255]);
  });

  it("is empty again once it is cleared, and keeps nothing of the last curve", () => {
    const raster = drawn(
      [
        [0, 3],
        [20, 17],
      ],
      [20, 20],
      1.5,
    );
    raster.clear();
    expect(raster.bytes.every((each) => each === 0)).toBe(true);
    raster.draw(
      { x: new Float64Array(), y: new Float64Array(), visible: true },
      { start: 0, stop: 1, low: 0, high: 1 },
      1.5,
      BLUE,
    );
    expect(raster.bytes.every((each) => each === 0)).toBe(true);
  });

  it("takes values beyond all bounds", () => {
    const huge = Number.MAX_VALUE;
    const raster = drawn(
      [
        [-1e15, 0],
        [5, -huge],
        [10, huge],
        [1e15, 10],
      ],
      [20, 20],
      1.5,
    );
    expect(opacity(raster, 7, 10)).toBe(1);
    for (let i = 3; i < raster.bytes.length; i += 4) expect(raster.bytes[i]).toBeLessThan(256);
  });
});
