// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FrameClock } from "../src/link/clock";
import type { PageLink } from "../src/link/page";
import { type FakeChannel, FakeFrames, pageRig } from "./fakes";
import { packet } from "./packets";

const ACK = { sequence: 5, drawn: 2, draw_ms: 3, age_ms: [20] };
let failures = 0;
const fail = () => {
  throw new Error(`figure ${failures} fails`);
};

let told: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  failures += 1;
  told = vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  told.mockRestore();
});

describe("a chart that fails", () => {
  it("keeps no other chart of the page from being drawn", () => {
    const frames = new FakeFrames();
    const clock = new FrameClock(frames);
    const draw = vi.fn();
    clock.request({ cap: 30, draw: fail });
    clock.request({ cap: 30, draw });
    for (let at = 100; at <= 300; at += 100) {
      try {
        frames.run(at);
      } catch {
        // The browser reports it and goes on.
      }
    }
    expect(draw).toHaveBeenCalledTimes(1);
  });
});

describe("a port that fails", () => {
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

  const tick = (...args: Parameters<FakeChannel["tick"]>) => {
    try {
      channel.tick(...args);
    } catch {
      // Backbone's trigger: the manager logs it.
    }
  };
  const pass = (ms: number) => {
    for (let at = 0; at < ms; at += 50) {
      vi.advanceTimersByTime(50);
      frames.run(performance.now());
    }
  };

  it("takes neither frames nor status nor the acknowledgement from the others", () => {
    const frame = vi.fn();
    const status = vi.fn();
    page.join(1, { frame: fail });
    page.join(2, { frame, status, ack: () => ACK });
    for (let n = 1; n <= 60; n++) {
      tick(
        n,
        packet([
          { chart: 1, sequence: n },
          { chart: 2, sequence: n },
        ]),
        { 2: { state: "live" } },
      );
      pass(50);
    }
    expect(told).toHaveBeenCalledTimes(1); // of sixty times
    expect(frame).toHaveBeenCalledTimes(60);
    expect(status).toHaveBeenCalledTimes(60);
    expect(channel.of("ack").at(-1)?.tick).toBeGreaterThan(30);
  });

  it("that fails where drawing is hurried loses no acknowledgement", () => {
    page.join(1, {
      frame: () => page.clock.request({ cap: 1000, draw: fail, hurried: () => true }),
      ack: () => ACK,
    });
    for (let n = 1; n <= 60; n++) {
      tick(n, packet([{ chart: 1, sequence: n }]));
      pass(50);
    }
    expect(channel.of("ack").at(-1)?.tick).toBeGreaterThan(30);
  });
});
