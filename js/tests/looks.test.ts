import { describe, expect, it } from "vitest";
import { looksOf, PLAIN, type Styling, stylingOf } from "../src/chart/looks";

const COLORS = ["red", "green", "blue"];
const KNOWN: Styling = {
  styles: { anomaly: "rings", drift: "diamonds", forecast: "dashed", score: "hidden" },
  bands: [["forecast", "low", "high"]],
  colors: COLORS,
};

const columns = (...names: string[]) => names.map((name) => ({ name, column: name, key: "" }));
const keyed = (keys: string[], names: string[]) =>
  keys.flatMap((key) => names.map((column) => ({ name: `${key} ${column}`, column, key })));

describe("looksOf", () => {
  it("draws lines in the palette's colours where nothing is said", () => {
    const looks = looksOf(columns("a", "b", "c", "d"), { ...PLAIN, colors: COLORS });
    expect(looks.map(({ shape }) => shape)).toEqual(["line", "line", "line", "line"]);
    expect(looks.map(({ color }) => color)).toEqual(["red", "green", "blue", "red"]);
  });

  it("gives a band its owner's colour, and its edges no colour of the palette", () => {
    const looks = looksOf(columns("a", "low", "high", "forecast", "b"), KNOWN);
    expect(looks.map(({ shape }) => shape)).toEqual(["line", "edge", "edge", "dashed", "line"]);
    expect(looks.map(({ color }) => color)).toEqual(["red", "green", "green", "green", "blue"]);
    expect(looks[3]?.bands).toEqual([[1, 2]]);
    expect(looks[1]?.owner).toBe(3);
  });

  it("leaves a band that lacks an owner or an edge as lines", () => {
    for (const names of [
      ["low", "high"],
      ["forecast", "low"],
    ]) {
      const looks = looksOf(columns(...names), KNOWN);
      expect(looks.some(({ shape }) => shape === "edge")).toBe(false);
    }
  });

  it("gives a band without a name to the first line beside it", () => {
    const styling = { ...KNOWN, bands: [["", "low", "high"] as [string, string, string]] };
    expect(looksOf(columns("low", "anomaly", "price", "high"), styling)[2]?.bands).toEqual([
      [0, 3],
    ]);
    expect(looksOf(columns("low", "high"), styling).map(({ shape }) => shape)).toEqual([
      "line",
      "line",
    ]);
  });

  it("draws an edge that the user has styled as he says", () => {
    const styles = { ...KNOWN.styles, low: "line" };
    const looks = looksOf(columns("forecast", "low", "high"), { ...KNOWN, styles });
    expect(looks.map(({ shape }) => shape)).toEqual(["dashed", "line", "line"]);
  });

  it("applies a column's style to the series of all keys, and joins bands key by key", () => {
    const looks = looksOf(keyed(["x", "y"], ["forecast", "low", "high", "anomaly"]), KNOWN);
    expect(looks.map(({ bands }) => bands.length)).toEqual([1, 0, 0, 0, 1, 0, 0, 0]);
    expect(looks[4]?.bands).toEqual([[5, 6]]);
    expect([looks[3]?.shape, looks[7]?.shape]).toEqual(["rings", "rings"]);
    expect([looks[0]?.color, looks[4]?.color]).toEqual(["red", "green"]);
  });

  it("knows names by their end where a star says so, but for what is an edge already", () => {
    const styling: Styling = {
      styles: { "*_anomaly": "rings", "*_expected": "dashed", b_anomaly: "markers" },
      bands: [
        ["v", "a_low", "a_high"],
        ["*_expected", "*_low", "*_high"],
      ],
      colors: COLORS,
    };
    const names = ["v", "a_expected", "a_low", "a_high", "b_expected", "b_low", "b_high"];
    const looks = looksOf(columns(...names, "a_anomaly", "b_anomaly", "_anomaly"), styling);
    expect(looks.map(({ bands }) => bands)[0]).toEqual([[2, 3]]);
    expect(looks.map(({ bands }) => bands)[1]).toEqual([]);
    expect(looks.map(({ bands }) => bands)[4]).toEqual([[5, 6]]);
    expect(looks.slice(7).map(({ shape }) => shape)).toEqual(["rings", "dots", "line"]);
  });

  it("takes no colour of the palette for warnings, and the last for what is hidden", () => {
    const looks = looksOf(columns("score", "anomaly", "a", "drift", "b"), KNOWN);
    expect(looks.map(({ color }) => color)).toEqual([
      "blue",
      expect.stringMatching(/^#/),
      "red",
      expect.stringMatching(/^#/),
      "green",
    ]);
    expect(looks.map(({ hidden }) => hidden)).toEqual([true, false, false, false, false]);
  });
});

describe("stylingOf", () => {
  it("passes over what does not fit", () => {
    expect(stylingOf(() => undefined, COLORS)).toEqual({ styles: {}, bands: [], colors: COLORS });
    const bands = [["", "a", "b"], ["a"]];
    const { bands: read } = stylingOf((name) => (name === "bands" ? bands : null), COLORS);
    expect(read).toEqual([["", "a", "b"]]);
  });
});
