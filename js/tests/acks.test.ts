import { expect, test } from "vitest";
import { AckPace } from "../src/link/acks";

test("a page that draws all the time says so before the second is over", () => {
  const pace = new AckPace();
  pace.acknowledged(0);
  pace.spent(200);
  expect(pace.heard(1, 0, 300)).toBe(false); // too soon
  expect(pace.heard(2, 0, 410)).toBe(false); // 200 of 410 ms are not nearly all
  pace.spent(150);
  expect(pace.heard(3, 0, 420)).toBe(true);
  expect(pace.busy).toBe(350);
  pace.acknowledged(420);
  expect(pace.busy).toBe(0);
});

test("a page with time to spare says so once a second", () => {
  const pace = new AckPace();
  pace.acknowledged(0);
  pace.spent(100);
  expect(pace.heard(1, 0, 900)).toBe(false);
  expect(pace.heard(2, 0, 1000)).toBe(true);
});
