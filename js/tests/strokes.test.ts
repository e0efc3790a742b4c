import { describe, expect, it } from "vitest";
import type { Curve, Picture } from "../src/renderer/base";
import { pathOf } from "../src/renderer/path";
import { strokeOf } from "../src/renderer/strokes";

const AREA = { left: 0, top: 0, width: 100, height: 50 };
const PICTURE: Picture = {
  curves: [],
  looks: [],
  marks: [],
  origin: 0n,
  start: 0,
  stop: 10,
  low: 0,
  high: 1,
};

const curve = (x: number[], y: number[]): Curve => ({
  x: Float64Array.from(x),
  y: Float64Array.from(y),
  visible: true,
});

/** What a pen was told, as path data. */
function told(each: Curve, picture = PICTURE): string {
  let path = "";
  const step = (letter: string) => (x: number, y: number) => {
    path += `${letter}${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
  };
  strokeOf({ moveTo: step("M"), lineTo: step("L") }, each, picture, AREA);
  return path;
}

/** Path data as `pathOf` writes it, with every step spelled out. */
const spelled = (path: string) => {
  const steps = path.replaceAll(" ", "L");
  return steps.replaceAll(/([-\d.]+),([-\d.]+)h0/g, "$1,$2L$1,$2");
};

describe("a curve's strokes", () => {
  it("are those of its svg path, with breaks and points that stand alone", () => {
    const { NaN: no } = Number;
    for (const each of [
      curve([0, 1, 2, 3], [0, 1, 0.5, 0.25]),
      curve([0, 1, 2, 3, 4], [0, no, 0.5, no, 0.25]),
      curve([-5, -1, 2, 12, 20], [0, 1, 0.5, 3, 4]),
      curve([5], [0.5]),
      curve([], []),
    ]) {
      expect(told(each)).toBe(spelled(pathOf(each, PICTURE, AREA)));
    }
  });

  it("leave out what is out of sight, but for a neighbour on each side", () => {
    const x = Array.from({ length: 1000 }, (_, i) => i);
    const path = told(
      curve(
        x,
        x.map(() => 0.5),
      ),
      { ...PICTURE, start: 500, stop: 503 },
    );
    expect(path.split("L").length + path.split("M").length - 2).toBe(6);
  });

  it("of very many points are each column's first, least, greatest and last", () => {
    const count = 100_000;
    const x = Array.from({ length: count }, (_, i) => (i / count) * 10);
    const y = x.map((_, i) => ((i * 7919) % 1000) / 1000);
    const path = told(curve(x, y));
    const points = path
      .split(/[ML]/)
      .slice(1)
      .map((each) => each.split(",").map(Number));
    expect(points.length).toBeLessThanOrEqual(4 * 101);
    for (let column = 0; column < 100; column++) {
      const here = points.filter(([px]) => Math.floor((px as number) + 1e-6) === column);
      const inks = here.map(([, py]) => py as number);
      expect(Math.max(...inks) - Math.min(...inks)).toBeGreaterThan(49);
    }
  });

  it("of very many points break where the values do", () => {
    const x = Array.from({ length: 2000 }, (_, i) => i / 200);
    const y = x.map((_, i) => (i >= 900 && i < 1100 ? Number.NaN : 0.5));
    const path = told(curve(x, y));
    expect(path.split("M").length - 1).toBe(2);
  });
});
