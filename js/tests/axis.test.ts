// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { patchAxis } from "../src/renderer/bqplot-axis";

const SVG = "http://www.w3.org/2000/svg";
const PIXELS = 100;

/** An axis view as bqplot has it, with d3 played by hand; `times` counts its drawings. */
function fake(upright: boolean) {
  const line = document.createElementNS(SVG, "g");
  let domain: [number, number] = [0, 1];
  const scale = Object.assign(
    (value: number) => (PIXELS * (value - domain[0])) / (domain[1] - domain[0]),
    { domain: (to: [number, number]) => (domain = to) },
  );
  let values: number[] = [];
  const d3 = {
    scale: () => d3,
    tickValues: (to: number[]) => {
      values = to;
      return d3;
    },
    tickPadding: () => d3,
    tickSizeOuter: () => d3,
    tickFormat: () => d3,
  };
  const told = { line, times: 0 };
  const draw = () => {
    told.times += 1;
    line.replaceChildren(
      ...values.map((value) => {
        const tick = document.createElementNS(SVG, "g");
        tick.setAttribute("class", "tick");
        const at = scale(value) + 0.5;
        tick.setAttribute("transform", upright ? `translate(0,${at})` : `translate(${at},0)`);
        return Object.assign(tick, { __data__: value });
      }),
    );
  };
  const view = {
    axis: d3,
    axis_scale: { scale, off: () => {} },
    g_axisline: { call: draw, node: () => line },
    redraw_axisline: () => {},
  };
  return { told, axis: patchAxis(view) };
}

const TICKS = [10, 20].map((value) => ({ value, label: `at ${value}` }));

describe("an axis of bqplot", () => {
  it.each([
    ["a flat one", false, ["translate(50.5,0)", "translate(150.5,0)"]],
    ["an upright one", true, ["translate(0,50.5)", "translate(0,150.5)"]],
  ])("has ticks that only move moved, and not drawn anew: %s", (_, upright, expected) => {
    const { told, axis } = fake(upright);
    axis?.draw([0, 20], TICKS, PIXELS);
    const ticks = [...told.line.children];
    axis?.draw([5, 15], TICKS, PIXELS);
    expect(told.times).toBe(1);
    expect([...told.line.children]).toEqual(ticks);
    expect(ticks.map((tick) => tick.getAttribute("transform"))).toEqual(expected);
  });

  it("is drawn anew where a tick comes, where a label changes, and at another length", () => {
    const { told, axis } = fake(false);
    axis?.draw([0, 20], TICKS, PIXELS);
    axis?.draw([0, 20], TICKS, PIXELS);
    expect(told.times).toBe(1);
    axis?.draw([0, 20], TICKS.slice(1), PIXELS);
    axis?.draw([0, 20], [{ value: 20, label: "other" }], PIXELS);
    axis?.draw([0, 20], [{ value: 20, label: "other" }], PIXELS + 1);
    expect(told.times).toBe(4);
  });

  it("is left to bqplot where it is not as known", () => {
    expect(patchAxis({})).toBeNull();
  });
});
