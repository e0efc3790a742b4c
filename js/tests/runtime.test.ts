// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChartRuntime } from "../src/chart/runtime";
import type { Alert } from "../src/data/alert";
import { WAITING } from "../src/data/status";
import type { PageLink } from "../src/link/page";
import { chartRig, type FakeChannel, type FakeFrames, type FakeRenderer } from "./fakes";
import { type FrameSpec, packet, snapshot } from "./packets";

const QUALITY = { mode: "auto", level: 1, levels: 7, reason: "", setting: "" };

describe("ChartRuntime", () => {
  let channel: FakeChannel;
  let frames: FakeFrames;
  let renderer: FakeRenderer;
  let runtime: ChartRuntime;
  let visible: boolean;
  let page: PageLink;
  let tick = 0;

  beforeEach(() => {
    vi.useFakeTimers();
    ({ channel, frames, renderer, page, runtime } = chartRig(() => visible));
    visible = true;
  });

  afterEach(() => {
    page.close();
    vi.useRealTimers();
  });

  const send = (...specs: FrameSpec[]) => {
    tick += 1;
    channel.tick(tick, packet(specs));
  };
  const drawAt = (now: number) => frames.run(now);

  it("draws the newest frame once, however many came", () => {
    send(snapshot(1));
    send({ sequence: 2, base: 1, sections: [{ series: 0, x: [2], y: [3] }] });
    send({ sequence: 3, base: 2, sections: [{ series: 0, x: [3], y: [4] }] });
    drawAt(0);
    expect(renderer.pictures.length).toBe(1);
    expect([...(renderer.pictures[0]?.curves[0]?.y ?? [])]).toEqual([1, 2, 3, 4]);
    expect(runtime.ack()).toMatchObject({ sequence: 3, drawn: 1 });
    expect(runtime.ack()).toMatchObject({ sequence: 3, drawn: 0, age_ms: [] });
  });

  it("draws nothing while hidden, and acknowledges nothing", () => {
    visible = false;
    send(snapshot(1));
    drawAt(0);
    expect(renderer.pictures).toEqual([]);
    expect(runtime.ack()).toBeNull();
  });

  it("asks for a snapshot once at a gap, and again if none comes for two seconds", () => {
    send({ sequence: 5, base: 4 });
    send({ sequence: 6, base: 5 });
    expect(channel.of("snapshot")).toMatchObject([{ chart: 1, have: 0 }]);
    vi.advanceTimersByTime(2100);
    send({ sequence: 7, base: 6 });
    expect(channel.of("snapshot").length).toBe(2);
    send(snapshot(8));
    send({ sequence: 9, base: 8 });
    expect(channel.of("snapshot").length).toBe(2);
    send({ sequence: 11, base: 10 });
    expect(channel.of("snapshot")[2]).toMatchObject({ have: 9 });
  });

  it("zooms at once and tells the kernel at a bearable pace, with the last word", () => {
    send(snapshot(1));
    for (let i = 1; i <= 20; i++) runtime.zoom(i * 1e9, i * 1e9 + 5e9);
    drawAt(0);
    expect(renderer.pictures[0]).toMatchObject({ start: 20e9, stop: 25e9 });
    vi.advanceTimersByTime(500);
    const asked = channel.of("range");
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(asked.at(-1)).toMatchObject({ range: ["20000000000", "25000000000"] });
    runtime.backToLive();
    vi.advanceTimersByTime(100);
    expect(channel.of("range").at(-1)).toMatchObject({ range: null });
  });

  it("hides the edges of a band with the series whose it is, and what is styled so", () => {
    runtime.restyle({ styles: {}, bands: [["a", "b", "c"]], colors: ["red"] });
    send({ ...snapshot(1), series: ["a", "b", "c", "d"] });
    runtime.toggle("a");
    drawAt(0);
    const visible = () => renderer.pictures.at(-1)?.curves.map((curve) => curve.visible);
    expect(visible()).toEqual([false, false, false, true]);
    runtime.restyle({ styles: { d: "hidden" }, bands: [], colors: ["red"] });
    drawAt(100);
    expect(visible()).toEqual([false, true, true, false]);
    runtime.toggle("d");
    runtime.restyle({ styles: { d: "hidden" }, bands: [], colors: ["blue"] });
    drawAt(200);
    expect(visible()).toEqual([false, true, true, true]);
  });

  it("keeps the alerts until other ones come, and marks those that fire or fired", () => {
    const alert = { rule: "hot", priority: "critical", since: "3", time: "5" };
    const alerts = ["firing", "pending", "resolved"].map((state) => ({
      ...alert,
      id: state,
      state,
    }));
    send(snapshot(1));
    channel.tick(100, undefined, { 1: { alerts } });
    channel.tick(101, undefined, { 1: {} });
    drawAt(0);
    expect(renderer.pictures.at(-1)?.marks).toEqual([
      { start: 3, stop: Number.POSITIVE_INFINITY, level: "critical", over: false },
      { start: 3, stop: 5, level: "critical", over: true },
    ]);
    runtime.act("acknowledge", runtime.alerts?.[0] as Alert);
    expect(channel.of("alert")).toMatchObject([
      { chart: 1, action: "acknowledge", alert: "firing" },
    ]);
    channel.tick(102, undefined, { 1: { alerts: null } });
    expect(runtime.alerts).toBeNull();
  });

  it("leaves a hidden series out of the y range", () => {
    send({
      ...snapshot(1),
      sections: [
        { series: 0, x: [1], y: [1000] },
        { series: 1, x: [1, 2], y: [1, 2] },
      ],
    });
    runtime.toggle("a");
    drawAt(0);
    expect(renderer.pictures[0]?.high).toBeLessThan(3);
    expect(renderer.pictures[0]?.curves.map((curve) => curve.visible)).toEqual([false, true]);
    runtime.toggle("a");
    drawAt(1000);
    expect(renderer.pictures[1]?.high).toBeGreaterThan(1000);
  });

  it("glides to a slow frame's range, then rests; what came is counted once it is in sight", () => {
    runtime.motion.wish = "on";
    const at = [0, 1].map((i) => performance.now() + i * 100);
    send({ ...snapshot(1), arrival: Date.now(), stop: 1000 });
    drawAt(at[0] as number);
    vi.advanceTimersByTime(100);
    send({ sequence: 2, base: 1, start: 100, stop: 1100, arrival: Date.now() });
    const shown = [0, 50, 100].map((after) => {
      drawAt((at[1] as number) + after);
      return [renderer.pictures.at(-1)?.stop, frames.waiting];
    });
    expect(shown).toEqual([
      [1000, 1],
      [1050, 1],
      [1100, 0],
    ]);
    expect(runtime.ack()).toMatchObject({ sequence: 2, drawn: 4 });
    runtime.status({ ...WAITING, quality: QUALITY });
    vi.advanceTimersByTime(100);
    send({ sequence: 3, base: 2, start: 200, stop: 1200 });
    expect(runtime.viewport.stop).toBe(1200);
  });
});
