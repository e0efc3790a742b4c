import { describe, expect, it } from "vitest";
import { Viewport } from "../src/chart/viewport";
import type { Frame } from "../src/data/frame";
import { readPacket } from "../src/wire/packet";
import { type FrameSpec, packet } from "./packets";

const frame = (spec: Partial<FrameSpec>): Frame =>
  readPacket(packet([{ sequence: 1, ...spec }]))[0] as Frame;

describe("Viewport", () => {
  it("follows the kernel while live", () => {
    const viewport = new Viewport();
    viewport.follow(frame({ start: 1e9, stop: 2e9 }), 0);
    viewport.follow(frame({ start: 2e9, stop: 3e9 }), 1);
    expect([viewport.start, viewport.stop, viewport.zoomed]).toEqual([2e9, 3e9, false]);
  });

  it("keeps a zoom of ours until the kernel has taken it up", () => {
    const viewport = new Viewport();
    viewport.follow(frame({ start: 0, stop: 60e9 }), 0);
    const token = viewport.zoom(10e9, 20e9, 100);
    viewport.follow(frame({ start: 1e9, stop: 61e9 }), 200);
    expect([viewport.start, viewport.stop]).toEqual([10e9, 20e9]);
    viewport.follow(frame({ start: 9e9, stop: 21e9, flags: 0, viewport: token }), 300);
    expect([viewport.start, viewport.stop, viewport.zoomed]).toEqual([9e9, 21e9, true]);
  });

  it("gives in to the kernel when a zoom is not taken up in time", () => {
    const viewport = new Viewport();
    viewport.zoom(10e9, 20e9, 0);
    viewport.follow(frame({ start: 1e9, stop: 61e9 }), 1499);
    expect(viewport.start).toBe(10e9);
    viewport.follow(frame({ start: 1e9, stop: 61e9 }), 1500);
    expect([viewport.start, viewport.zoomed]).toEqual([1e9, false]);
  });

  it("returns to live with the frame that says so", () => {
    const viewport = new Viewport();
    viewport.follow(frame({ start: 0, stop: 5e9, flags: 0, viewport: 7 }), 0);
    expect(viewport.zoomed).toBe(true);
    const token = viewport.live(1);
    viewport.follow(frame({ start: 0, stop: 5e9, flags: 0, viewport: 7 }), 2);
    expect(viewport.zoomed).toBe(false);
    viewport.follow(frame({ start: 50e9, stop: 60e9, viewport: token }), 3);
    expect([viewport.start, viewport.zoomed]).toEqual([50e9, false]);
  });

  it("keeps its place in time when a generation brings another origin", () => {
    const viewport = new Viewport();
    viewport.follow(frame({ start: 0, stop: 60e9, origin: 1_793_000_000_000_000_000n }), 0);
    viewport.zoom(10e9, 20e9, 1);
    const before = viewport.text();
    viewport.follow(frame({ start: 0, stop: 1, origin: 1_793_000_005_000_000_000n }), 2);
    expect(viewport.start).toBe(5e9);
    expect(viewport.text()).toEqual(before);
    expect(before).toEqual(["1793000010000000000", "1793000020000000000"]);
  });

  it("never gets narrower than a millisecond", () => {
    const viewport = new Viewport();
    viewport.zoom(5e9, 5e9, 0);
    expect(viewport.stop - viewport.start).toBe(2e6 / 2);
  });

  it("glides to a step ahead of frames that come slowly, and ends where the kernel said", () => {
    const viewport = new Viewport();
    viewport.follow(frame({ start: 0, stop: 10e9 }), 0, 33);
    viewport.follow(frame({ start: 1e9, stop: 11e9 }), 100, 33);
    const shown = [100, 125, 150, 200].map((now) => {
      const more = viewport.advance(now);
      return [viewport.start, viewport.stop, more];
    });
    expect(shown).toEqual([
      [0, 10e9, true],
      [0.25e9, 10.25e9, true],
      [0.5e9, 10.5e9, true],
      [1e9, 11e9, false],
    ]);
    expect(viewport.advance(300)).toBe(false);
  });

  it.each([
    ["frames as fast as drawings", 40, 1e9, 11e9, 33],
    ["a picture that stood still", 400, 1e9, 11e9, 33],
    ["a jump", 100, 5e9, 15e9, 33],
    ["another width", 100, 0, 11e9, 33],
    ["a step back", 100, -1e9, 9e9, 33],
    ["motion that is not allowed", 100, 1e9, 11e9, Number.POSITIVE_INFINITY],
  ])("does not glide for %s", (_, now, start, stop, pace) => {
    const viewport = new Viewport();
    viewport.follow(frame({ start: 0, stop: 10e9 }), 0, 33);
    viewport.follow(frame({ start, stop }), now, pace);
    expect([viewport.start, viewport.stop, viewport.advance(now)]).toEqual([start, stop, false]);
  });

  it("ends a glide at a zoom", () => {
    const viewport = new Viewport();
    viewport.follow(frame({ start: 0, stop: 10e9 }), 0, 33);
    viewport.follow(frame({ start: 1e9, stop: 11e9 }), 100, 33);
    viewport.zoom(2e9, 3e9, 110);
    expect([viewport.advance(150), viewport.start, viewport.stop]).toEqual([false, 2e9, 3e9]);
  });
});
