import { describe, expect, it } from "vitest";
import { Motion } from "../src/chart/motion";

const media = (matches: boolean) => (() => ({ matches })) as unknown as typeof matchMedia;

describe("Motion", () => {
  it("glides by itself on the canvas alone, while drawing is cheap, and does not waver", () => {
    const motion = new Motion(media(false));
    expect([motion.allowed("bqplot"), motion.allowed("canvas")]).toEqual([false, true]);
    const after = (ms: number) => {
      for (let i = 0; i < 100; i++) motion.took(ms);
      return motion.allowed("canvas");
    };
    expect([6, 9, 6, 4, 6].map(after)).toEqual([true, false, false, true, true]);
  });

  it("does as the trait says, but never more than the reader's reduced motion allows", () => {
    const motion = new Motion(media(false));
    motion.wish = "on";
    expect(motion.allowed("bqplot")).toBe(true);
    motion.wish = "off";
    expect(motion.allowed("canvas")).toBe(false);
    const still = new Motion(media(true));
    still.wish = "on";
    expect(still.allowed("canvas")).toBe(false);
  });
});
