import { describe, expect, it } from "vitest";
import { FirstWords } from "../src/link/first-words";
import type { ToKernel } from "../src/wire/messages";

function view(chart: number, visible = true): ToKernel {
  return { kind: "view", chart, view: 1, width: 500, visible, ratio: 1 };
}

describe("FirstWords", () => {
  it("tells each view again as it was told last, ever more rarely, and no more after a while", () => {
    const first = new FirstWords(10_000);
    first.said(view(1));
    first.said(view(2));
    first.said(view(1, false));
    const told: [number, ToKernel[]][] = [];
    for (let at = 0; at <= 60_000; at += 250) {
      const again = first.due(10_000 + at);
      if (again.length > 0) told.push([at, again]);
    }
    expect(told.map(([at]) => at)).toEqual([1000, 2000, 4000, 8000, 16_000]);
    for (const [, again] of told) expect(again).toEqual([view(1, false), view(2)]);
  });

  it("tells nothing of a view that is gone, and takes in one that comes later", () => {
    const first = new FirstWords(0);
    first.said(view(1));
    first.said({ kind: "bye", chart: 1, view: 1 });
    expect(first.due(1000)).toEqual([]);
    first.said(view(2));
    expect(first.due(2000)).toEqual([view(2)]);
    expect(first.due(2250)).toEqual([]);
  });
});
