// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChartRuntime } from "../src/chart/runtime";
import type { Hover } from "../src/controls/hover";
import { keyboard, pointerZoom } from "../src/controls/zoom";

const AREA = { left: 0, top: 0, width: 100, height: 50 };

describe("pointer and keys", () => {
  const stage = document.createElement("div");
  let runtime: {
    viewport: object;
    zoom: ReturnType<typeof vi.fn>;
    backToLive: ReturnType<typeof vi.fn>;
  };
  let closing: AbortController;
  const pause = vi.fn();

  beforeEach(() => {
    closing = new AbortController();
    document.body.replaceChildren(stage);
    stage.setPointerCapture = () => {};
    pause.mockClear();
    runtime = {
      viewport: { origin: 0n, start: 0, stop: 1000 },
      zoom: vi.fn(),
      backToLive: vi.fn(),
    };
    const chart = runtime as unknown as ChartRuntime;
    const hover = { move: vi.fn() } as unknown as Hover;
    pointerZoom(stage, chart, () => AREA, hover, closing.signal);
    keyboard(stage, chart, pause, closing.signal);
  });

  afterEach(() => closing.abort());

  const wheel = (target: Element, init: WheelEventInit) => {
    const event = new WheelEvent("wheel", { bubbles: true, cancelable: true, ...init });
    target.dispatchEvent(event);
    return event;
  };
  const pointer = (type: string, clientX: number) =>
    stage.dispatchEvent(new MouseEvent(type, { bubbles: true, button: 0, clientX }));
  const key = (name: string, init: KeyboardEventInit = {}) =>
    stage.dispatchEvent(new KeyboardEvent("keydown", { key: name, ...init }));

  it("zooms about the pointer, which keeps its place in time", () => {
    expect(wheel(stage, { deltaY: -100, clientX: 25 }).defaultPrevented).toBe(true);
    const [start, stop] = runtime.zoom.mock.calls[0] as [number, number];
    expect(stop - start).toBeLessThan(1000);
    expect(start + 0.25 * (stop - start)).toBeCloseTo(250);
  });

  it("lets a page go on scrolling over the chart", () => {
    wheel(document.body, { deltaY: 100 });
    expect(wheel(stage, { deltaY: 100 }).defaultPrevented).toBe(false);
    expect(runtime.zoom).not.toHaveBeenCalled();
  });

  it("pans by as much as the pointer was dragged, and not for a click", () => {
    pointer("pointerdown", 50);
    pointer("pointermove", 51);
    expect(runtime.zoom).not.toHaveBeenCalled();
    pointer("pointermove", 60);
    const [start, stop] = runtime.zoom.mock.calls[0] as [number, number];
    expect([start, stop].map(Math.round)).toEqual([-100, 900]);
    pointer("pointerup", 60);
    pointer("pointermove", 90);
    expect(runtime.zoom).toHaveBeenCalledTimes(1);
  });

  it("hears keys, but leaves those with a modifier to the notebook", () => {
    key("ArrowRight");
    expect(runtime.zoom).toHaveBeenLastCalledWith(100, 1100);
    key(" ");
    key("p");
    expect(pause).toHaveBeenCalledTimes(2);
    key("Escape");
    key("Home");
    expect(runtime.backToLive).toHaveBeenCalledTimes(2);
    key("p", { ctrlKey: true });
    expect(pause).toHaveBeenCalledTimes(2);
  });

  it("hears nothing once it is closed", () => {
    closing.abort();
    wheel(stage, { deltaY: 100 });
    key("p");
    expect(runtime.zoom).not.toHaveBeenCalled();
    expect(pause).not.toHaveBeenCalled();
  });
});
