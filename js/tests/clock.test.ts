import { describe, expect, it } from "vitest";
import { FramesAlive } from "../src/link/alive";
import { FrameClock } from "../src/link/clock";
import { FakeFrames } from "./fakes";

describe("FrameClock", () => {
  it.each([
    [60, 60],
    [30, 30],
    [20, 20],
    [7, 7],
    [1000, 60],
  ])("keeps a cap of %i on average at 60 Hz, jitter and all", (cap, expected) => {
    const frames = new FakeFrames();
    const clock = new FrameClock(frames);
    let drawn = 0;
    const drawable = {
      cap,
      draw: () => {
        drawn += 1;
        clock.request(drawable);
      },
    };
    clock.request(drawable);
    for (let i = 0; i < 600; i++) frames.run((i * 1000) / 60 + (i % 3));
    expect(drawn / 10).toBeCloseTo(expected, -0.5);
  });

  it.each([
    [60, 50, 50],
    [75, 60, 60],
    [75, 30, 30],
    [144, 60, 60],
  ])("keeps to the cap at %i Hz where each frame is asked for: %i", (hz, cap, expected) => {
    const frames = new FakeFrames();
    const clock = new FrameClock(frames);
    let drawn = 0;
    const drawable = { cap, draw: () => (drawn += 1) };
    for (let i = 0; i < 10 * hz; i++) {
      clock.request(drawable);
      frames.run((i * 1000) / hz);
    }
    expect(drawn / 10).toBeCloseTo(expected, -0.5);
  });

  it.each([0, 5, 10, 15])("draws data at the pace of the cap at 50 Hz, %i ms apart", (phase) => {
    const frames = new FakeFrames();
    const clock = new FrameClock(frames);
    let drawn = 0;
    const drawable = { cap: 30, draw: () => (drawn += 1) };
    for (let i = 0, tick = 0; i < 500; i++) {
      for (; tick * (1000 / 30) + phase < i * 20; tick++) clock.request(drawable);
      frames.run(i * 20);
    }
    expect(drawn / 10).toBeGreaterThan(29);
  });

  it("hides the jitter of data that comes at the pace of the cap", () => {
    const frames = new FakeFrames();
    const clock = new FrameClock(frames);
    const at: number[] = [];
    const drawable = { cap: 30, draw: (now: number) => at.push(now) };
    for (let i = 0, tick = 0; i < 600; i++) {
      // Each tenth tick is 10 ms late; the ticks fall just before every other frame.
      while (tick * (1000 / 30) + (tick % 10 === 0 ? 10 : 0) - 3 < (i * 1000) / 60) {
        clock.request(drawable);
        tick += 1;
      }
      frames.run((i * 1000) / 60);
    }
    const gaps = at.slice(1).map((each, i) => Math.round(each - (at[i] as number)));
    expect(gaps.filter((gap) => gap !== 33).length).toBeLessThan(3);
    expect(at.length).toBeGreaterThan(295);
  });

  it("asks for no frames when nothing wants to be drawn", () => {
    const frames = new FakeFrames();
    const clock = new FrameClock(frames);
    const drawable = { cap: 30, draw: () => {} };
    clock.request(drawable);
    clock.request(drawable);
    expect(frames.waiting).toBe(1);
    frames.run(0);
    expect(frames.waiting).toBe(0);
    clock.request(drawable);
    clock.forget(drawable);
    expect(frames.waiting).toBe(0);
  });
});

describe("FrameClock in a hurry", () => {
  function make(cap: number, hurried = true) {
    const frames = new FakeFrames();
    const spent: number[] = [];
    const clock = new FrameClock(frames, (ms) => spent.push(ms));
    const at: number[] = [];
    const draw = (now: number) => {
      at.push(now);
      frames.time += 5;
      clock.afterPaint(() => painted.push(now));
    };
    const painted: number[] = [];
    const drawable = { cap, draw, hurried: () => hurried };
    const come = (now: number) => {
      frames.time = now;
      clock.request(drawable);
      clock.hurry();
    };
    return { frames, clock, at, come, drawable, painted, spent };
  }
  const task = () => new Promise((resolve) => setTimeout(resolve));

  it("draws at once, and is told of the paint only after the frame", async () => {
    const { frames, at, come, painted, spent } = make(20);
    come(100);
    expect(at).toEqual([100]);
    await task();
    expect(painted).toEqual([]);
    frames.run(112);
    expect(at).toEqual([100]);
    await task();
    expect(painted).toEqual([100]);
    expect(spent).toEqual([5]); // the drawing, and not the wait for the frame
    expect(frames.waiting).toBe(0);
  });

  it("does not count what the next task draws as the time of the frame before", async () => {
    const { frames, clock, come, painted, spent } = make(20);
    come(100);
    clock.settle();
    expect(painted).toEqual([]); // drawn, and not painted yet
    frames.run(112);
    frames.time += 4; // style, layout and paint
    clock.settle();
    expect(painted).toEqual([100]);
    come(160);
    await task();
    expect(painted).toEqual([100]);
    frames.run(170);
    await task();
    expect(painted).toEqual([100, 160]);
    expect(spent).toEqual([9, 5]);
  });

  it("keeps to the cap, and to one drawing for each of the screen's frames", () => {
    const slow = make(20);
    for (const now of [100, 120, 150, 170]) slow.come(now);
    expect(slow.at).toEqual([100]); // what came since is drawn with the frame
    slow.frames.run(176);
    expect(slow.at).toEqual([100, 176]);
    const fast = make(240);
    for (const now of [100, 110]) fast.come(now);
    expect(fast.at).toEqual([100]);
  });

  it("leaves what is not hurried to the screen's beat", () => {
    const { frames, at, come } = make(20, false);
    come(100);
    expect(at).toEqual([]);
    frames.run(112);
    expect(at).toEqual([112]);
  });

  it("asks for nothing once what was drawn ahead has gone", () => {
    const { frames, clock, come, drawable } = make(20);
    come(100);
    expect(frames.waiting).toBe(1);
    clock.forget(drawable);
    expect(frames.waiting).toBe(0);
  });
});

describe("FramesAlive", () => {
  function watch() {
    const frames = new FakeFrames();
    const time = { now: 0 };
    const seen: boolean[] = [];
    const alive = new FramesAlive(
      frames,
      () => seen.push(alive.alive),
      () => time.now,
    );
    const check = (after: number) => {
      time.now += after;
      alive.check(250);
    };
    return { frames, time, seen, alive, check };
  }

  it("stays alive while frames come promptly", () => {
    const { frames, seen, check } = watch();
    for (let i = 0; i < 20; i++) {
      check(250);
      frames.run(0);
    }
    expect(seen).toEqual([]);
  });

  it("is hidden once frames stop, and seen again with the first prompt ones", () => {
    const { frames, time, seen, check } = watch();
    for (let i = 0; i < 6; i++) check(250);
    expect(seen).toEqual([false]);
    time.now += 900;
    frames.run(0);
    expect(seen).toEqual([false]);
    for (let i = 0; i < 3; i++) {
      expect(seen).toEqual([false]);
      time.now += 16;
      frames.run(0);
    }
    expect(seen).toEqual([false, true]);
  });

  it("takes one frame a second for a covered page", () => {
    const { frames, seen, check } = watch();
    for (let i = 1; i <= 24; i++) {
      check(250);
      if (i % 4 === 0) frames.run(0);
    }
    expect(seen).toEqual([false]);
  });

  it("stays hidden though the timers of a covered page are late", () => {
    const { frames, seen, check } = watch();
    for (let i = 0; i < 4; i++) check(250);
    for (let i = 0; i < 20; i++) {
      check(1000);
      if (i % 2 === 0) frames.run(0);
    }
    expect(seen).toEqual([false]);
  });

  it("takes late timers for a busy page, not for a hidden one", () => {
    const { seen, check } = watch();
    for (let i = 0; i < 20; i++) check(900);
    expect(seen).toEqual([]);
  });
});
