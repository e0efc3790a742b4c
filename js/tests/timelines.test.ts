// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readStatus } from "../src/data/status";
import { Latency } from "../src/monitor/latency";
import { placeOf } from "../src/monitor/quantiles";
import { TimeLines } from "../src/monitor/timelines";
import { Zone } from "../src/renderer/zone";

const press = (target: Element | undefined, key: string, more: KeyboardEventInit = {}) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target?.dispatchEvent(event);
  return event.defaultPrevented;
};
const told = (pad?: Element) => pad?.getAttribute("aria-valuetext");
/** The time of day in Kolkata, so many seconds after the epoch. */
const at = (second: number) => new Date((19_800 + second) * 1000).toISOString().slice(11, 19);

beforeEach(() => document.body.replaceChildren());
afterEach(() => vi.restoreAllMocks());

/** Time lines with `rates`, one a second. */
function lines(rates: number[]) {
  const made = new TimeLines(() => new Zone("Asia/Kolkata"));
  document.body.append(made.el);
  rates.forEach((rate, second) => {
    made.add(readStatus({ rate, fps: rate / 100 }), second * 1000);
  });
  made.show();
  const pads = [...made.el.querySelectorAll<HTMLElement>("[role=slider]")];
  const values = [...made.el.querySelectorAll(".lw-figure-value")];
  const [fps, , events] = pads;
  return { made, pads, fps, events, value: () => values[2]?.textContent };
}

describe("the time lines", () => {
  it("are one stop of the keyboard, and tell their range where nothing is read", () => {
    const { pads, events } = lines([500, 700, 600]);
    expect(pads.filter(({ tabIndex }) => tabIndex === 0)).toEqual([pads[0]]);
    expect(told(events)).toBe("500/s to 700/s over two minutes");
  });

  it("are read by arrows, Home and End: time and value", () => {
    const { events, value } = lines([500, 700, 600]);
    events?.focus();
    expect(told(events)).toBe(`${at(2)}: 600/s`);
    expect(press(events, "ArrowLeft")).toBe(true);
    expect(told(events)).toBe(`${at(1)}: 700/s`);
    expect(value()).toBe("700/s");
    press(events, "Home");
    press(events, "ArrowLeft");
    expect(told(events)).toBe(`${at(0)}: 500/s`);
    press(events, "End");
    expect([told(events), events?.getAttribute("aria-valuenow")]).toEqual([
      `${at(2)}: 600/s`,
      "239",
    ]);
    expect(press(events, "x")).toBe(false);
    expect(press(events, "ArrowLeft", { ctrlKey: true })).toBe(false);
  });

  it("keep the moment from line to line, and forget it where the focus leaves", () => {
    const { pads, fps, events, value } = lines([500, 700, 600]);
    fps?.focus();
    press(fps, "ArrowLeft");
    press(fps, "ArrowUp");
    expect(document.activeElement).toBe(fps);
    press(fps, "ArrowDown");
    press(pads[1], "ArrowDown");
    expect(document.activeElement).toBe(events);
    expect(told(events)).toBe(`${at(1)}: 700/s`);
    expect(told(fps)).toContain("over two minutes");
    expect(pads.filter(({ tabIndex }) => tabIndex === 0)).toEqual([events]);
    events?.blur();
    expect(value()).toBe("600/s");
    expect(told(events)).toContain("over two minutes");
  });

  it("keep a marker with its sample, and say nothing on their own", () => {
    const { made, events, value } = lines([500, 700, 600]);
    events?.focus();
    press(events, "ArrowLeft");
    made.add(readStatus({ rate: 900 }), 3000);
    made.show();
    expect(value()).toBe("700/s");
    expect(told(events)).toBe(`${at(1)}: 700/s`);
    press(events, "ArrowRight");
    press(events, "ArrowRight");
    expect(told(events)).toBe(`${at(3)}: 900/s`);
    for (let second = 4; second < 300; second++) made.add(readStatus({}), second * 1000);
    made.show();
    expect(press(events, "Home")).toBe(true);
    expect(told(events)).toBe(`${at(60)}: 0/s`);
  });

  it("are read under a pointer, which stays where it is while time goes by", () => {
    const { made, fps, events, value } = lines([500, 700, 600]);
    const width = { width: 239 } as DOMRect;
    vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockReturnValue(width);
    const move = (target: Element | undefined, offsetX: number) => {
      const event = new MouseEvent("pointermove", { bubbles: true });
      Object.defineProperty(event, "offsetX", { value: offsetX });
      target?.dispatchEvent(event);
    };
    move(events, 238.1);
    expect(value()).toBe("700/s");
    expect(events?.parentElement?.querySelector(".lw-moment")?.textContent).toBe(at(1));
    made.add(readStatus({ rate: 900 }), 3000);
    made.show();
    expect(value()).toBe("600/s");
    move(events, 3);
    expect(value()).toBe("500/s");
    made.el.dispatchEvent(new MouseEvent("pointerleave"));
    expect(value()).toBe("900/s");
    expect(made.el.querySelector(".lw-moment")).toBeNull();
    fps?.focus();
    move(events, 237.1);
    made.el.dispatchEvent(new MouseEvent("pointerleave"));
    expect(fps?.parentElement?.querySelector(".lw-moment")?.textContent).toBe(at(1));
    expect(told(fps)).toBe(`${at(1)}: 7`);
  });

  it("stand before the first word of the kernel", () => {
    const { events } = lines([]);
    events?.focus();
    press(events, "Home");
    expect(told(events)).toBe("nothing known yet: –");
  });
});

describe("the latency's bars", () => {
  const histogram = { bounds_ms: [4, 8, 16, 32], counts: [0, 60, 30, 10, 0] };
  function shown() {
    const latency = new Latency();
    document.body.append(latency.el);
    latency.update(histogram);
    return { latency, pad: latency.el.querySelector<HTMLElement>("[role=slider]") as HTMLElement };
  }

  it("have marks at the quantiles", () => {
    const { latency } = shown();
    const marks = [...latency.el.querySelectorAll(".lw-quantile")].map((each) => each.textContent);
    expect(marks).toEqual(["p50 7.3 ms", "p95 24 ms", "p99 30.4 ms"]);
    const rules = [...latency.el.querySelectorAll<HTMLElement>(".lw-quantile-rule")];
    expect(rules.map(({ style }) => style.getPropertyValue("--lw-place"))).toEqual([
      "27.8%",
      "83.3%",
      "96.7%",
    ]);
  });

  it("are read one by one, and stay read where others come", () => {
    const { latency, pad } = shown();
    expect(told(pad)).toBe("p50 7.3 ms, p95 24 ms, p99 30.4 ms");
    pad.focus();
    expect(told(pad)).toBe("4 to 8 ms: 60 (60 %)");
    press(pad, "ArrowRight");
    expect(told(pad)).toBe("8 to 16 ms: 30 (30 %)");
    latency.update({ ...histogram, counts: [100, 60, 30, 10, 0] });
    expect(latency.el.querySelector(".lw-bars-read")?.textContent).toBe("8 to 16 ms: 30 (15 %)");
    expect(told(pad)).toBe("8 to 16 ms: 30 (30 %)");
    press(pad, "End");
    expect(told(pad)).toBe("16 to 32 ms: 10 (5 %)");
    pad.blur();
    expect(told(pad)).toContain("p50");
  });

  it("keep their elements, and a table where it is open", () => {
    const { latency, pad } = shown();
    const [first] = pad.children;
    const details = latency.el.querySelector("details") as HTMLDetailsElement;
    details.open = true;
    latency.update({ ...histogram, counts: [0, 60, 0, 0, 0] });
    expect([...pad.children]).toEqual([first]);
    expect([...latency.el.querySelectorAll("tr")].map((row) => row.textContent)).toEqual([
      "4 to 8 ms60",
    ]);
  });

  it("place a value by proportion, and what is beyond them at the ends", () => {
    const bars = [
      { from: 4, to: 8, count: 1, height: 1 },
      { from: 8, to: 16, count: 1, height: 1 },
    ];
    expect([0, 6, 8, 12, 99].map((value) => placeOf(bars, value))).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });
});
