// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { Legend } from "../src/controls/legend";
import type { Look } from "../src/renderer/base";

const look: Look = { shape: "line", color: "red", bands: [] };

describe("the legend", () => {
  it("keeps the keyboard's place where a series is added", () => {
    const legend = new Legend(() => {});
    document.body.replaceChildren(legend.el);
    const item = (name: string) => ({ name, look, visible: true, latest: 1 });
    legend.update([item("a"), item("b")]);
    legend.el.querySelectorAll("button")[1]?.focus();
    legend.update([item("a"), item("b"), item("c")]);
    expect(document.activeElement).toBe(legend.el.querySelectorAll("button")[1]);
  });
});
