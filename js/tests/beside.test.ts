import { describe, expect, it } from "vitest";
import { bandOf } from "../src/renderer/areas";
import type { Look, Picture } from "../src/renderer/base";
import { pathOf } from "../src/renderer/path";
import { Raster } from "../src/renderer/raster";

const area = { left: 0, top: 0, width: 800, height: 100 };
const look: Look = { shape: "line", color: "red", bands: [] };

describe("a line between points that lie far beside the picture", () => {
  // A point each minute, looked at for a tenth of a second, ten seconds before the second point.
  const curve = { x: Float64Array.of(0, 60e9), y: Float64Array.of(0, 100), visible: true };
  const [start, stop] = [50e9, 50.1e9];
  const picture: Picture = {
    curves: [curve],
    looks: [look],
    marks: [],
    origin: 0n,
    start,
    stop,
    low: 0,
    high: 100,
  };
  const truth = 100 - (50.05 / 60) * 100; // from the top: 16.6

  it("crosses it where it should, as a path", () => {
    const points = [...pathOf(curve, picture, area).matchAll(/(-?[\d.]+),(-?[\d.]+)/g)];
    const [[x0, y0], [x1, y1]] = points.map((each) => [Number(each[1]), Number(each[2])]) as [
      [number, number],
      [number, number],
    ];
    expect(Math.abs(y0 + ((400 - x0) / (x1 - x0)) * (y1 - y0) - truth)).toBeLessThan(1);
  });

  it("crosses it where it should, as pixels", () => {
    const fine = { ...picture, stop: 50.01e9 };
    const raster = new Raster(800, 100);
    raster.draw(curve, fine, 2, { rgb: 0, alpha: 255 });
    const inked = [...Array(100).keys()].filter(
      (row) => (raster.bytes[4 * (row * 800 + 400) + 3] ?? 0) > 0,
    );
    expect(Math.abs((inked[0] as number) - truth)).toBeLessThan(2);
  });

  it("has its band where it should", () => {
    const above = { ...curve, y: Float64Array.of(10, 110) };
    const band = bandOf(curve, above, picture, area);
    const corners = [...band.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map((each) => Number(each[2]));
    const [upper, upperEnd, lowerEnd, lower] = corners as [number, number, number, number];
    // The picture is in the middle of what is left of a minute on either side of it.
    expect(Math.abs(lower - upper - 10)).toBeLessThan(0.2);
    expect(Math.abs(lowerEnd - upperEnd - 10)).toBeLessThan(0.2);
    expect(Math.abs((lower + lowerEnd) / 2 - truth)).toBeLessThan(1);
  });
});
