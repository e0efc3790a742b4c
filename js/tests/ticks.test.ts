import { describe, expect, it } from "vitest";
import { clockText, fullTime, niceStep, timeTicks, valueTicks } from "../src/renderer/ticks";
import { Zone } from "../src/renderer/zone";

const utc = new Zone("UTC");
const berlin = new Zone("Europe/Berlin");
const labels = (ticks: { label: string }[]) => ticks.map((tick) => tick.label);

describe("valueTicks", () => {
  it("is round, within the range, and short", () => {
    expect(labels(valueTicks(0, 1, 5))).toEqual(["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    expect(labels(valueTicks(-1, 1, 2))).toEqual(["-1", "0", "1"]);
    expect(labels(valueTicks(0, 60_000, 3))).toEqual(["0", "20k", "40k", "60k"]);
    expect(labels(valueTicks(1e9, 3e9, 2))).toEqual(["1G", "2G", "3G"]);
  });

  it("tells neighbours apart at every scale", () => {
    for (const low of [0, 1e-6, 0.5, 99.99, 65_000, 1e6, 3.2e9, -4e11]) {
      for (const span of [1e-3, 0.02, 1, 700, 1e5]) {
        const ticks = valueTicks(low, low + span, 5);
        expect(new Set(labels(ticks)).size).toBe(ticks.length);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
      }
    }
  });

  it("has no ticks for a range that is none", () => {
    expect(valueTicks(1, 1, 5)).toEqual([]);
    expect(valueTicks(Number.NaN, 1, 5)).toEqual([]);
  });
});

describe("niceStep", () => {
  it("is the next of 1, 2, 5", () => {
    expect([0.3, 1, 1.1, 2, 3, 7, 50].map(niceStep)).toEqual([0.5, 1, 2, 2, 5, 10, 50]);
  });
});

describe("timeTicks", () => {
  const noon = Date.UTC(2026, 10, 23, 12);

  it("stands at round times of the zone", () => {
    expect(labels(timeTicks(noon, noon + 60_000, 6, utc)).slice(0, 2)).toEqual([
      "12:00:00",
      "12:00:10",
    ]);
    expect(labels(timeTicks(noon, noon + 60_000, 6, berlin))[0]).toBe("13:00:00");
    const kolkata = timeTicks(noon, noon + 6 * 3_600_000, 6, new Zone("Asia/Kolkata"));
    expect(labels(kolkata).slice(0, 2)).toEqual(["18:00", "19:00"]);
  });

  it("names the day at midnight, months and years over longer ranges", () => {
    expect(labels(timeTicks(noon, noon + 86_400_000, 4, utc))).toContain("Nov 24");
    expect(labels(timeTicks(noon, noon + 90 * 86_400_000, 3, utc))).toEqual([
      "Dec 2026",
      "Jan 2027",
      "Feb 2027",
    ]);
    expect(labels(timeTicks(noon, noon + 4 * 366 * 86_400_000, 5, utc))[0]).toBe("2027");
  });

  it("stays on the wall clock across a change to winter time", () => {
    const change = Date.UTC(2026, 9, 25, 1);
    const ticks = timeTicks(change - 6 * 3_600_000, change + 12 * 3_600_000, 6, berlin);
    for (const { value } of ticks) {
      const wall = new Date(value + berlin.offset(value));
      expect(wall.getUTCHours() % 3).toBe(0);
    }
    expect(ticks.map((t) => t.value)).toEqual([...ticks.map((t) => t.value)].sort((a, b) => a - b));
  });

  it("goes down to microseconds", () => {
    const ticks = timeTicks(noon + 0.1, noon + 1.1, 5, utc);
    expect(labels(ticks)[0]).toBe("12:00:00.0002");
    expect(new Set(labels(ticks)).size).toBe(ticks.length);
  });
});

describe("Zone", () => {
  it("knows the offsets of its tables, before and after a change", () => {
    const hours = (zone: Zone, ms: number) => zone.offset(ms) / 3_600_000;
    expect(hours(berlin, Date.UTC(2026, 6, 1))).toBe(2);
    expect(hours(berlin, Date.UTC(2026, 11, 1))).toBe(1);
    expect(hours(new Zone("Asia/Kolkata"), 0)).toBe(5.5);
    expect(hours(berlin, Date.UTC(2026, 9, 25, 0, 59, 59))).toBe(2);
    expect(hours(berlin, Date.UTC(2026, 9, 25, 1))).toBe(1);
  });

  it("falls back to UTC for a name that nobody knows", () => {
    expect(new Zone("Mars/Olympus").name).toBe("UTC");
    expect(new Zone("local").name).not.toBe("local");
  });
});

describe("texts of times", () => {
  it("never rounds up into the next second", () => {
    expect(clockText(999.9999, 0.1)).toBe("00:00:00.9999");
  });

  it("is whole in a readout", () => {
    expect(fullTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6), berlin, 1)).toBe("2026-01-02 04:04:05.006");
  });
});
