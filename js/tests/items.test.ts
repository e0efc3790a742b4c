import { describe, expect, it } from "vitest";
import { itemsOf, readingsAt } from "../src/chart/items";
import { looksOf } from "../src/chart/looks";
import type { ChartRuntime } from "../src/chart/runtime";
import { Track } from "../src/store/track";

const { NaN: NO } = Number;
const X = [0, 10, 20, 30];

function runtime(values: Record<string, number[]>, hidden: string[] = []): ChartRuntime {
  const series = Object.entries(values).map(([name, y]) => {
    const track = new Track();
    const [x, points] = [Float64Array.from(X), Float64Array.from(y)];
    track.apply({ series: 0, trim: 0, cut: 0, patches: [], append: y.length, x, y: points });
    return { name, column: name, key: "", track };
  });
  const looks = looksOf(series, {
    styles: { anomaly: "rings", forecast: "dashed" },
    bands: [["forecast", "low", "high"]],
    colors: ["red"],
  });
  return { store: { series }, looks, isHidden: (name: string) => hidden.includes(name) } as never;
}

const CHART = {
  value: [1, 2, NO, 4],
  forecast: [NO, NO, NO, 5],
  low: [NO, NO, NO, 3],
  high: [NO, NO, NO, 7],
  anomaly: [NO, 2, NO, NO],
};

describe("itemsOf", () => {
  it("has no edges, and the latest value that there is", () => {
    const items = itemsOf(runtime(CHART, ["value"]));
    expect(items.map(({ name, latest, visible }) => [name, latest, visible])).toEqual([
      ["value", 4, false],
      ["forecast", 5, true],
      ["anomaly", 2, true],
    ]);
    expect(itemsOf(runtime({ a: [NO, NO] }))[0]?.latest).toBeNaN();
    expect(itemsOf(runtime({ a: [] }))[0]?.latest).toBeNaN();
  });
});

describe("readingsAt", () => {
  const read = (at: number, reach = 4) =>
    readingsAt(runtime(CHART), at, reach).map(({ name, x, y, bands }) => [name, x, y, bands]);

  it("tells of markers and forecasts near to their points alone", () => {
    expect(read(0)).toEqual([["value", 0, 1, []]]);
    expect(read(12)).toEqual([
      ["value", 10, 2, []],
      ["anomaly", 10, 2, []],
    ]);
  });

  it("tells of a band beside the series whose it is", () => {
    expect(read(29)).toEqual([
      ["value", 30, 4, []],
      ["forecast", 30, 5, [[3, 7]]],
    ]);
  });
});
