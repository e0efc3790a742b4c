import { expect, test } from "vitest";
import { AckPace } from "../src/link/acks";

/** Ticks from `from` to `until` (ms), 50 ms apart, each of which took `ms` to draw. */
function ticks(pace: AckPace, from: number, until: number, ms: number): number | null {
  for (let at = from; at <= until; at += 50) {
    if (at > from) pace.spent(ms);
    if (pace.heard(at, at, at)) return at;
  }
  return null;
}

test("a page that draws all the time says so before the second is over", () => {
  const pace = new AckPace();
  pace.acknowledged(0);
  expect(ticks(pace, 0, 600, 45)).toBe(400);
  expect(pace.busy).toBe(8 * 45);
  pace.acknowledged(400);
  expect(pace.busy).toBe(0);
  expect(ticks(pace, 400, 2000, 45)).toBe(800);
});

test("a load that has just risen is told of as soon, however calm it was before", () => {
  const pace = new AckPace();
  pace.acknowledged(0);
  expect(ticks(pace, 0, 500, 1)).toBe(null);
  expect(ticks(pace, 500, 2000, 45)).toBe(650); // 135 of 650 ms, but 140 of the last 400
});

test("a frame that is far too long is told of once it has been painted", () => {
  const pace = new AckPace();
  pace.acknowledged(0);
  expect(ticks(pace, 0, 200, 1)).toBe(null);
  pace.spent(150);
  expect(pace.heard(1, 0, 240)).toBe(false); // another was told just before
  expect(pace.heard(2, 0, 260)).toBe(true);
  pace.acknowledged(260);
  expect(pace.heard(3, 0, 600)).toBe(false);
});

test("one that has gone is, too; what stays the same is told once a second", () => {
  const pace = new AckPace();
  pace.acknowledged(0);
  expect(ticks(pace, 0, 2000, 30)).toBe(400); // 0.6 of the time, of which nothing was told
  pace.acknowledged(400);
  expect(ticks(pace, 400, 2000, 30)).toBe(1400);
  pace.acknowledged(1400);
  expect(ticks(pace, 1400, 3000, 1)).toBe(1800);
});

test("one long frame in a calm page is no hurry", () => {
  const pace = new AckPace();
  pace.acknowledged(0);
  expect(ticks(pace, 0, 450, 1)).toBe(null);
  pace.spent(100);
  expect(pace.heard(1, 0, 550)).toBe(false);
});

test("a clock that is set back makes no hurry, and no list grow", () => {
  const pace = new AckPace();
  pace.acknowledged(10_000);
  ticks(pace, 10_000, 10_300, 45);
  expect(ticks(pace, 9_700, 10_000, 45)).toBe(null);
  expect(ticks(pace, 10_000, 10_300, 45)).toBe(null); // 300 ms of it are known since
});

test("a page with time to spare says so once a second", () => {
  const pace = new AckPace();
  pace.acknowledged(0);
  pace.spent(100);
  expect(pace.heard(1, 0, 900)).toBe(false);
  expect(pace.heard(2, 0, 1000)).toBe(true);
});
