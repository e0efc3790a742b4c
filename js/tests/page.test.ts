// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PageLink, Port } from "../src/link/page";
import { acquirePage } from "../src/link/pages";
import { FakeChannel, type FakeFrames, pageRig } from "./fakes";
import { packet } from "./packets";

const ACK = { sequence: 5, drawn: 2, draw_ms: 3, age_ms: [20] };

describe("PageLink", () => {
  let channel: FakeChannel;
  let frames: FakeFrames;
  let page: PageLink;

  beforeEach(() => {
    vi.useFakeTimers();
    ({ channel, frames, page } = pageRig());
  });

  afterEach(() => {
    page.close();
    vi.useRealTimers();
  });

  /** Lets time pass with animation frames running. */
  function pass(ms: number): void {
    for (let at = 0; at < ms; at += 50) {
      vi.advanceTimersByTime(50);
      frames.run(performance.now());
    }
  }

  it("gives each chart its own frames and status", () => {
    const got: [number, unknown][] = [];
    for (const chart of [1, 2]) {
      page.join(chart, {
        frame: (frame) => got.push([chart, frame.sequence]),
        status: (status) => got.push([chart, status.state]),
      });
    }
    const specs = [
      { chart: 2, sequence: 8 },
      { chart: 1, sequence: 3 },
      { chart: 9, sequence: 1 },
    ];
    channel.tick(1, packet(specs), { 1: { state: "live" }, 2: { state: "nonsense" } });
    expect(got).toEqual([
      [2, 8],
      [1, 3],
      [1, "live"],
      [2, "waiting"],
    ]);
  });

  it("says again what it shows, which may wait behind a running cell", () => {
    page.send({ kind: "view", chart: 1, view: 1, width: 500, visible: true, ratio: 1 });
    pass(20_000);
    expect(channel.of("view")).toHaveLength(6);
    for (const told of channel.of("view")) {
      expect(told).toMatchObject({ chart: 1, width: 500, client: page.client });
    }
  });

  it("is not silent where nothing of it is in sight: the kernel has nothing to say then", () => {
    page.join(1, { ack: () => null, watching: () => false });
    pass(6000);
    expect(page.silent).toBe(false);
  });

  it("is silent where no word comes, though the wall clock was set back", () => {
    page.join(1, { watching: () => true });
    channel.tick(1);
    vi.setSystemTime(Date.now() - 3_600_000);
    pass(6000);
    expect(page.silent).toBe(true);
  });

  it("counts a frame as painted before it draws the tick that comes next", () => {
    const order: string[] = [];
    page.join(1, { frame: ({ sequence }) => order.push(`frame ${sequence}`) });
    page.clock.afterPaint(() => order.push("painted"));
    page.clock.request({ cap: 20, draw: () => {} });
    channel.tick(1, packet([{ chart: 1, sequence: 1 }]));
    frames.run(performance.now());
    channel.tick(2, packet([{ chart: 1, sequence: 2 }]));
    expect(order).toEqual(["frame 1", "painted", "frame 2"]);
  });

  it("stops serving who has left", () => {
    const frame = vi.fn();
    const leave = page.join(1, { frame });
    leave();
    channel.tick(1, packet([{ sequence: 1 }]));
    expect(frame).not.toHaveBeenCalled();
  });

  it("acknowledges once a second, however many ticks come", () => {
    page.join(1, { ack: () => ACK });
    channel.tick(1);
    channel.sent = [];
    for (let tick = 2; tick <= 61; tick++) {
      pass(50);
      channel.tick(tick);
    }
    expect(channel.of("ack").map((ack) => ack.tick)).toEqual([21, 41, 61]);
    expect(channel.of("ack")[0]).toMatchObject({ client: page.client, charts: { 1: ACK } });
  });

  it("acknowledges after a second of few ticks, and each two seconds of none", () => {
    page.join(1, { ack: () => ACK });
    channel.tick(1);
    pass(300);
    channel.sent = [];
    channel.tick(2);
    pass(1250);
    expect(channel.of("ack").length).toBe(1);
    pass(4100);
    expect(channel.of("ack").length).toBe(3);
  });

  it("acknowledges though the wall clock was set back", () => {
    page.join(1, { ack: () => ACK });
    for (let tick = 1; tick <= 30; tick++) {
      pass(50);
      channel.tick(tick);
    }
    vi.setSystemTime(Date.now() - 60_000);
    channel.sent = [];
    pass(50);
    channel.tick(31);
    expect(channel.of("ack").length).toBe(1);
  });

  it("acknowledges nothing where nothing is in sight", () => {
    page.join(1, { ack: () => null });
    for (let tick = 1; tick <= 25; tick++) channel.tick(tick);
    pass(3000);
    expect(channel.of("ack")).toEqual([]);
  });

  it("says so when animation frames stop, and when they come back", () => {
    const pageChanged = vi.fn();
    page.join(1, { pageChanged });
    vi.advanceTimersByTime(2000);
    expect(page.inSight).toBe(false);
    expect(pageChanged).toHaveBeenCalledTimes(1);
    pass(1000);
    expect(page.inSight).toBe(true);
    expect(pageChanged).toHaveBeenCalledTimes(2);
  });

  it("is silent after five seconds without a word, until the next", () => {
    const pageChanged = vi.fn();
    page.join(1, { pageChanged, watching: () => true });
    channel.tick(1);
    pass(4500);
    expect(page.silent).toBe(false);
    pass(1000);
    expect(page.silent).toBe(true);
    channel.tick(2);
    expect(page.silent).toBe(false);
    expect(pageChanged).toHaveBeenCalledTimes(2);
  });

  it("survives bytes and messages that mean nothing", () => {
    const frame = vi.fn();
    page.join(1, { frame });
    channel.tick(1, new DataView(new ArrayBuffer(3)));
    for (const content of [null, 3, "x", {}, { kind: "later" }]) channel.message(content, []);
    channel.tick(2, packet([{ sequence: 1 }]));
    expect(frame).toHaveBeenCalledTimes(1);
  });

  it("hands a file only to the client that asked", () => {
    const download = vi.fn();
    page.join(1, { download });
    const bytes = new DataView(new ArrayBuffer(1));
    const content = { kind: "download", chart: 1, name: "a.csv", mime: "text/csv" };
    channel.message({ ...content, client: "another" }, [bytes]);
    channel.message({ ...content, client: page.client }, [bytes]);
    expect(download.mock.calls).toEqual([["a.csv", "text/csv", bytes]]);
  });

  it("tells everyone once that the kernel is gone, and sends nothing more", () => {
    const ports: Port[] = [{ ended: vi.fn() }, { ended: vi.fn() }];
    ports.forEach((port, i) => {
      page.join(i, port);
    });
    channel.end("kernel restarted");
    channel.end("again");
    for (const port of ports)
      expect(port.ended).toHaveBeenCalledExactlyOnceWith("kernel restarted");
    page.send({ kind: "bye", chart: 1, view: 1 });
    expect(channel.sent).toEqual([]);
  });
});

describe("acquirePage", () => {
  it("gives one link to all and closes it with the last", async () => {
    const channel = new FakeChannel();
    const open = vi.fn(() => Promise.resolve(channel));
    const [first, second] = [new AbortController(), new AbortController()];
    const a = await acquirePage("m1", open, first.signal);
    const b = await acquirePage("m1", open, second.signal);
    expect(a).toBe(b);
    expect(open).toHaveBeenCalledTimes(1);
    first.abort();
    await Promise.resolve();
    expect(channel.closed).toBe(false);
    second.abort();
    await vi.waitUntil(() => channel.closed);
    const third = new AbortController();
    expect(await acquirePage("m1", open, third.signal)).not.toBe(a);
    third.abort();
  });
});
