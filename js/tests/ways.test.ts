import { describe, expect, it } from "vitest";
import { Ways, wishOf } from "../src/renderer/ways";

/** So many drawings of `ms` each; whether the way changed at one of them. */
const drawings = (ways: Ways, ms: number, count = 200) =>
  Array.from({ length: count }, () => ways.took(ms)).some(Boolean);

describe("the way that curves are drawn in", () => {
  it("is bqplot's while that is quick", () => {
    const ways = new Ways();
    expect(drawings(ways, 5)).toBe(false);
    expect(ways.way).toBe("bqplot");
  });

  it("moves up where drawings are slow, and stays there", () => {
    const ways = new Ways();
    expect(drawings(ways, 20, 24)).toBe(true);
    expect(ways.way).toBe("canvas");
    expect(drawings(ways, 1)).toBe(false);
    expect(ways.way).toBe("canvas");
  });

  it("stays with the canvas where that is as quick: what else marks cost is not measured", () => {
    const ways = new Ways();
    drawings(ways, 20, 24);
    expect(drawings(ways, 23, 24)).toBe(false);
    expect(drawings(ways, 99)).toBe(false);
    expect(ways.way).toBe("canvas");
  });

  it("comes back where the canvas is clearly slower here, and tries it no more", () => {
    const ways = new Ways();
    expect(drawings(ways, 20, 24)).toBe(true);
    expect(drawings(ways, 25, 2 * 24)).toBe(false);
    expect(drawings(ways, 25, 24)).toBe(true);
    expect(ways.way).toBe("bqplot");
    expect(drawings(ways, 40)).toBe(false);
    expect(ways.way).toBe("bqplot");
  });

  it("gives the canvas more than one chance while a page is busy with other things", () => {
    const ways = new Ways();
    drawings(ways, 20, 24);
    drawings(ways, 60, 2 * 24);
    expect(drawings(ways, 15, 24)).toBe(false);
    expect(drawings(ways, 60)).toBe(false);
    expect(ways.way).toBe("canvas");
  });

  it("does not move for some drawings that were held up", () => {
    const ways = new Ways();
    for (let i = 0; i < 200; i++) ways.took(i % 3 === 0 ? 200 : 5);
    expect(ways.way).toBe("bqplot");
  });

  it("is the user's where they say one", () => {
    const ways = new Ways();
    expect(ways.want("canvas")).toBe(true);
    expect(ways.want("canvas")).toBe(false);
    expect(ways.want("bqplot")).toBe(true);
    expect(drawings(ways, 50)).toBe(false);
    expect(ways.way).toBe("bqplot");
  });

  it("is never one that fails, until that is mended", () => {
    const ways = new Ways();
    ways.want("canvas");
    expect(ways.failed("no canvas")).toBe(true);
    expect(ways.want("canvas")).toBe(false);
    expect(ways.way).toBe("bqplot");
    expect(ways.mended()).toBe(true);
    expect(ways.way).toBe("canvas");
  });

  it("is left open by a trait of another version", () => {
    expect(wishOf("webgl")).toBe("auto");
    expect(wishOf("canvas")).toBe("canvas");
  });
});
