// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Picture } from "../src/renderer/base";
import { CanvasLayer } from "../src/renderer/canvas";

const nothing = () => {};
const area = { left: 0, top: 0, width: 800, height: 100 };

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

  it("is scaled to the screen's pixels again once it was given back", () => {
    vi.stubGlobal("ImageData", class {});
    const context = { putImageData() {}, setLineDash() {}, setTransform: vi.fn() };
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
    const layer = new CanvasLayer(nothing, nothing);
    const empty: Picture = {
      curves: [],
      looks: [],
      marks: [],
      origin: 0n,
      start: 0,
      stop: 1,
      low: 0,
      high: 1,
    };
    layer.draw(empty, area, 1);
    expect(context.setTransform).toHaveBeenCalledTimes(1);
    // HTML: the context is reset to its default state, the transformation with it.
    layer.el.dispatchEvent(new Event("contextrestored"));
    layer.draw(empty, area, 1);
    expect(context.setTransform).toHaveBeenCalledTimes(2);
    vi.unstubAllGlobals();
  });
});
