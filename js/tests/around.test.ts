// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChartRuntime } from "../src/chart/runtime";
import type { Hover } from "../src/controls/hover";
import { keyboard, pointerZoom } from "../src/controls/zoom";
import type { PageLink } from "../src/link/page";
import { chartRig, type FakeChannel, type FakeFrames, type FakeRenderer } from "./fakes";
import { type FrameSpec, packet, snapshot } from "./packets";

const AREA = { left: 0, top: 0, width: 100, height: 50 };

describe("a chart that is looked around in", () => {
  let channel: FakeChannel;
  let frames: FakeFrames;
  let renderer: FakeRenderer;
  let runtime: ChartRuntime;
  let visible: boolean;
  let page: PageLink;
  let closing: AbortController;
  let tick = 0;

  beforeEach(() => {
    vi.useFakeTimers();
    closing = new AbortController();
    ({ channel, frames, renderer, page, runtime } = chartRig(() => visible));
    visible = true;
  });

  afterEach(() => {
    closing.abort();
    page.close();
    vi.useRealTimers();
  });

  const send = (...specs: FrameSpec[]) => {
    tick += 1;
    channel.tick(tick, packet(specs));
  };

  const controls = () => {
    const stage = document.createElement("div");
    stage.setPointerCapture = () => {};
    const hover = { move: vi.fn() } as unknown as Hover;
    pointerZoom(stage, runtime, () => AREA, hover, closing.signal);
    keyboard(stage, runtime, vi.fn(), closing.signal);
    return stage;
  };

  it("goes on with a drag where the kernel's answer has another origin", () => {
    const second = 1e9;
    const base = 1_793_456_789_000_000_000n;
    // The chart was opened an hour ago: `View.rebuild` set the origin to the span's start then.
    send({ ...snapshot(1), origin: base, start: 3600 * second, stop: 3660 * second });
    const stage = controls();
    const pointer = (type: string, clientX: number) =>
      stage.dispatchEvent(new MouseEvent(type, { bubbles: true, button: 0, clientX }));
    const shown = () => {
      const { origin, start, stop } = runtime.viewport;
      return [start, stop].map((at) => Number(origin - base) / second + at / second);
    };
    pointer("pointerdown", 50);
    pointer("pointermove", 60);
    expect(shown().map(Math.round)).toEqual([3594, 3654]);
    vi.advanceTimersByTime(100);
    const { token } = channel.of("range")[0] as unknown as { token: number };
    const origin = base + 3594n * BigInt(second);
    const answer = { ...snapshot(2), generation: 2, flags: 1, viewport: token, origin };
    send({ ...answer, start: 0, stop: 60 * second });
    expect(shown().map(Math.round)).toEqual([3594, 3654]);
    pointer("pointermove", 70);
    expect(shown().map(Math.round)).toEqual([3588, 3648]);
  });

  it("counts no time out of sight as the age of what is drawn after it", () => {
    send({ ...snapshot(1), arrival: Date.now() });
    frames.run(performance.now());
    vi.advanceTimersByTime(100);
    runtime.ack();
    // A last frame comes, and the tab is hidden before the browser draws it.
    send({ sequence: 2, base: 1, arrival: Date.now() });
    visible = false;
    runtime.pageChanged();
    vi.advanceTimersByTime(60_000);
    visible = true;
    runtime.pageChanged();
    send({ ...snapshot(3), arrival: Date.now() });
    frames.run(performance.now());
    vi.advanceTimersByTime(1);
    page.clock.settle();
    const ages = runtime.ack()?.age_ms ?? [];
    expect(Math.max(...ages)).toBeLessThan(1000);
  });

  it("keeps within what a calendar and the kernel have, however long minus is held", () => {
    send({ ...snapshot(1), origin: 1_793_456_789_000_000_000n, stop: 60e9 });
    const stage = controls();
    for (let i = 0; i < 120; i++) stage.dispatchEvent(new KeyboardEvent("keydown", { key: "-" }));
    const [start, stop] = runtime.viewport.text().map(BigInt) as [bigint, bigint];
    expect(start > -(2n ** 62n)).toBe(true);
    expect(stop < 2n ** 62n).toBe(true);
    expect(stop > start).toBe(true);
  });

  it("returns to the range that it had where the chart has ended", () => {
    send({ ...snapshot(1), start: 0, stop: 60e9 });
    channel.message({ kind: "closed", chart: 1, reason: "closed" }, []);
    runtime.zoom(20e9, 30e9);
    runtime.backToLive();
    vi.advanceTimersByTime(5000);
    frames.run(performance.now());
    expect(renderer.pictures.at(-1)).toMatchObject({ start: 0, stop: 60e9 });
  });
});
