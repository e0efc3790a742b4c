import { describe, expect, it } from "vitest";
import { shownState } from "../src/chart/state";
import { bytes, duration, exact, short } from "../src/controls/numbers";
import { readStatus } from "../src/data/status";
import { account, FIGURES, reasons } from "../src/monitor/figures";
import { History } from "../src/monitor/history";

const well = { endReason: null, silent: false, paused: false };

describe("shownState", () => {
  const cases: [object, Partial<typeof well> | { endReason: string }, string, string][] = [
    [{ state: "live" }, {}, "live", "live"],
    [{ state: "live" }, { paused: true }, "paused", "paused"],
    [{ state: "paused" }, {}, "live", "live"],
    [{ state: "live" }, { silent: true }, "stale", "stale: no word from the kernel"],
    // The kernel sends no status any more some seconds after the end.
    [{ state: "ended", detail: "the file" }, { silent: true }, "ended", "ended: the file"],
    [{ state: "live" }, { endReason: "kernel restarted" }, "ended", "ended: kernel restarted"],
    [
      { state: "reconnecting", attempt: 3, detail: "host" },
      { paused: true },
      "reconnecting",
      "reconnecting (attempt 3): host",
    ],
    [{ state: "failed", detail: "no server" }, {}, "failed", "failed: no server"],
    [{ state: "what" }, {}, "waiting", "waiting"],
  ];

  it.each(cases)("%j known %j is %s", (status, known, state, text) => {
    expect(shownState(readStatus(status), { ...well, ...known })).toEqual({ state, text });
  });
});

describe("figures", () => {
  it("read well before anything is known", () => {
    const texts = FIGURES.map((figure) => figure.text(readStatus({})));
    expect(texts).toEqual(["– / 0", "–", "0/s", "0", "0 B/s", "0 %", "–", "–", "0", "0 %", "0 B"]);
  });

  it("name what was lost and why", () => {
    const status = readStatus({ dropped: 12_300, reasons: { "queue full": 12_300 }, loop: "open" });
    expect(account(status)).toContain("12.3k dropped");
    expect(account(status)).toContain("open loop");
    expect(reasons(status)).toBe("queue full: 12.3k");
  });

  it("keep two minutes of history and draw what is known of it", () => {
    const history = new History();
    for (let i = 0; i < 500; i++) history.add(i % 2 ? i : null);
    expect(history.values.length).toBe(240);
    expect(history.text(String)).toBe("261 to 499 over two minutes");
    const few = new History();
    expect(few.line()).toBe("");
    expect(few.text(String)).toBe("nothing known yet");
    for (const value of [null, 0, 5]) few.add(value);
    expect(few.line()).toBe("M238,100L239,5");
    expect([0, 1, 2, 3].map((back) => few.before(back))).toEqual([5, 0, null, null]);
    expect(few.point(1)).toBe("M238,100h0");
    expect(few.point(2)).toBe("");
  });
});

describe("numbers", () => {
  it("are short where they may be and exact where they must", () => {
    expect([0, 999, 1000, 12_345, 2.5e6, null].map((n) => short(n))).toEqual([
      "0",
      "999",
      "1k",
      "12.3k",
      "2.5M",
      "–",
    ]);
    expect([999.4, 999.6, 999_400, 999_600].map((n) => short(n))).toEqual([
      "999",
      "1.0k",
      "999k",
      "1.0M",
    ]);
    expect([1_048_575, 1_073_741_823].map(bytes)).toEqual(["1 MiB", "1.0 GiB"]);
    expect([512, 2048, 183_500_800].map(bytes)).toEqual(["512 B", "2.0 KiB", "175 MiB"]);
    expect([5, 90, 60, 3600, 0.25].map(duration)).toEqual([
      "5 s",
      "90 s",
      "1 min",
      "1 h",
      "0.25 s",
    ]);
    expect([0.1 + 0.2, Number.NaN].map(exact)).toEqual(["0.30000000000000004", "no value"]);
  });
});
