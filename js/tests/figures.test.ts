import { expect, test } from "vitest";
import { WAITING } from "../src/data/status";
import { kept } from "../src/monitor/figures";

test("what is kept is one line", () => {
  const status = {
    ...WAITING,
    rows: 1200,
    buffer: {
      high_water: 4000,
      history_rows: 90_000,
      history_nbytes: 250_000,
      history_ratio: 4.2,
      lags: { report: 70 },
      store: "failing",
      store_detail: "no room",
      store_rows: 5_000_000,
      store_waiting: 30,
    },
  };
  const line = kept(status);
  for (const part of ["in the ring", "4.2 times smaller", "report: 70 rows behind", "30 wait"]) {
    expect(line).toContain(part);
  }
  expect(line).toContain("store failing (no room)");
});

test("a buffer in memory alone says no more than its rows", () => {
  expect(kept({ ...WAITING, rows: 12 })).toBe("12 rows in the ring");
});
