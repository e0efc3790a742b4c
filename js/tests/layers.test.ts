// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { bandOf, diamondsOf, dotsOf, ringsOf } from "../src/renderer/areas";
import type { Curve, Look, Mark, Picture, Shape } from "../src/renderer/base";
import { flagsOf, rulesOf, spansOf } from "../src/renderer/flags";
import { Layers } from "../src/renderer/layers";

const { NaN: NO } = Number;
const AREA = { left: 5, top: 7, width: 100, height: 50 };
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

const curve = (x: number[], y: number[], visible = true): Curve => ({
  x: Float64Array.from(x),
  y: Float64Array.from(y),
  visible,
});
const look = (shape: Shape, bands: [number, number][] = []): Look => ({
  shape,
  color: "rgb(1, 2, 3)",
  bands,
});

/** The corners of each closed piece of a path. */
const pieces = (path: string) =>
  path
    .split("z")
    .filter(Boolean)
    .map((piece) => piece.replace("M", "").split(/[L ]/));

describe("bands", () => {
  it("go out along the upper edge and back along the lower", () => {
    const path = bandOf(curve([0, 10], [0, 0]), curve([0, 5, 10], [1, 0.5, 1]), PICTURE, AREA);
    expect(path).toBe("M0,0 50,25 100,0L100,50 0,50z");
  });

  it("bridge no break", () => {
    const lower = curve([0, 2, 3, 5, 10], [0, 0, NO, 0, 0]);
    const upper = curve([0, 2, 3, 5, 10], [1, 1, NO, 1, 1]);
    expect(pieces(bandOf(lower, upper, PICTURE, AREA))).toEqual([
      ["0,0", "20,0", "20,50", "0,50"],
      ["50,0", "100,0", "100,50", "50,50"],
    ]);
  });

  it("bridge no break of one edge, though the other has as many elsewhere", () => {
    const lower = curve([0, 2, 3, 5, 7, 9, 10], [0, 0, NO, 0, 0, 0, 0]);
    const upper = curve([0, 2, 5, 7, 8, 9, 10], [1, 1, 1, 1, NO, 1, 1]);
    expect(pieces(bandOf(lower, upper, PICTURE, AREA))).toEqual([
      ["0,0", "20,0", "20,50", "0,50"],
      ["50,0", "70,0", "70,50", "50,50"],
      ["90,0", "100,0", "100,50", "90,50"],
    ]);
  });

  it("cover what both edges have, where one breaks alone", () => {
    const lower = curve([0, 2, 5, 10], [0, 0, 0, 0]);
    const upper = curve([0, 2, 4, 5, 10], [1, 1, NO, 1, 1]);
    expect(pieces(bandOf(lower, upper, PICTURE, AREA))).toEqual([
      ["0,0", "20,0", "20,50", "0,50"],
      ["50,0", "100,0", "100,50", "50,50"],
    ]);
    expect(bandOf(lower, curve([], []), PICTURE, AREA)).toBe("");
    expect(bandOf(lower, curve([1, 2], [NO, NO]), PICTURE, AREA)).toBe("");
  });
});

describe("markers", () => {
  it("stand at every finite point, those between gaps too", () => {
    const lonely = curve([0, 1, 2, 3, 4], [NO, 0.5, NO, NO, 1]);
    for (const draw of [dotsOf, ringsOf, diamondsOf]) {
      expect(draw(lonely, PICTURE, AREA).match(/M/g)?.length).toBe(2);
    }
    expect(diamondsOf(lonely, PICTURE, AREA)).toMatch(/^M4.5,25l/);
  });
});

describe("marks", () => {
  const marks: Mark[] = [
    { start: 2, stop: 4, level: "warning", over: true },
    { start: 6, stop: Number.POSITIVE_INFINITY, level: "critical", over: false },
    { start: -3, stop: 1, level: "critical", over: true },
    { start: 20, stop: 30, level: "info", over: true },
  ];
  const picture = { ...PICTURE, marks };

  it("shade while they last, to the edge where they still do", () => {
    expect(spansOf({ level: "warning", over: true }, picture, AREA)).toBe("M20,0H40V50H20z");
    expect(spansOf({ level: "critical", over: false }, picture, AREA)).toBe("M60,0H100V50H60z");
    expect(spansOf({ level: "critical", over: true }, picture, AREA)).toBe("M0,0H10V50H0z");
    expect(spansOf({ level: "info", over: true }, picture, AREA)).toBe("");
  });

  it("have a rule and a flag where they began in sight", () => {
    expect(rulesOf({ level: "warning", over: true }, picture, AREA)).toBe("M20,12V50");
    expect(flagsOf({ level: "critical", over: false }, picture, AREA)).toMatch(/^M60,7m/);
    expect(flagsOf({ level: "critical", over: true }, picture, AREA)).toBe("");
  });
});

describe("Layers", () => {
  it("make elements where the looks change, and none for a frame", () => {
    const host = document.createElement("div");
    host.append(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    const layers = new Layers(host);
    const looks = [look("dashed", [[1, 2]]), look("edge"), look("edge"), look("rings")];
    const curves = [0, 1, 2, 3].map((n) => curve([0, 5], [n / 3, 0.5]));
    layers.draw({ ...PICTURE, curves, looks }, AREA);
    const made = [...host.querySelectorAll("path")];
    const drawn = (name: string) => host.querySelector(`path.lw-${name}`)?.getAttribute("d") ?? "";
    expect(drawn("band")).toMatch(/^M0,.*z$/);
    expect(drawn("dashed")).toBe("M0,50L50,25");
    expect(drawn("rings")).not.toBe("");
    const inner = host.querySelector("svg.lw-over > svg");
    expect(inner?.getAttribute("x")).toBe("5");
    expect(inner?.getAttribute("height")).toBe("50");
    const hidden = curves.map((each) => ({ ...each, visible: false }));
    layers.draw({ ...PICTURE, curves: hidden, looks, start: 1 }, AREA);
    expect([...host.querySelectorAll("path")]).toEqual(made);
    expect([drawn("band"), drawn("dashed"), drawn("rings")]).toEqual(["", "", ""]);
    layers.draw({ ...PICTURE, curves, looks: [look("line")] }, AREA);
    expect(host.querySelector("path.lw-rings")).toBeNull();
  });

  it("lie beneath and above the figure's own svgs", () => {
    const host = document.createElement("div");
    const own = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    host.append(own);
    new Layers(host);
    const order = [...host.children].map((el) => el.getAttribute("class") ?? "own");
    expect(order).toEqual(["lw-layer lw-under", "own", "lw-layer lw-over"]);
  });
});
