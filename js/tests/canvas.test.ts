// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from "vitest";
import { CanvasLayer } from "../src/renderer/canvas";

const nothing = () => {};

describe("the canvas", () => {
  afterEach(() => vi.restoreAllMocks());

  it("says that it cannot be drawn on where the browser gives none", () => {
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
    expect(new CanvasLayer(nothing, nothing).works).toBe(false);
  });

  it("tells when the browser takes it away, and gives it back", () => {
    let gone = false;
    const context = { isContextLost: () => gone } as unknown as CanvasRenderingContext2D;
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
    const heard: string[] = [];
    const layer = new CanvasLayer(
      () => heard.push("lost"),
      () => heard.push("found"),
    );
    expect(layer.works).toBe(true);
    gone = true;
    layer.el.dispatchEvent(new Event("contextlost"));
    expect(layer.works).toBe(false);
    gone = false;
    layer.el.dispatchEvent(new Event("contextrestored"));
    expect(layer.works).toBe(true);
    expect(heard).toEqual(["lost", "found"]);
  });
});
