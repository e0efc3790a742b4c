// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { type FindingStatus, readStatus, type StageStatus } from "../src/data/status";
import { Dashboard } from "../src/monitor/dashboard";
import { Findings } from "../src/monitor/findings";
import { Flow, loadOf } from "../src/monitor/flow";
import { barsOf, quantile } from "../src/monitor/quantiles";

const stage = (name: string, more: Partial<StageStatus> = {}): StageStatus => ({
  name,
  label: name,
  arrived: 0,
  served: 1500,
  busy: 0.42,
  held: 0,
  queue: 0,
  capacity: null,
  dropped: 0,
  state: "",
  limits: false,
  ...more,
});
const finding = (id: string, more: Partial<FindingStatus> = {}): FindingStatus => ({
  id,
  kind: "bottleneck",
  level: "warning",
  text: `${id} is slow`,
  action: "Do less",
  status: "open",
  ...more,
});

describe("the latency's quantiles", () => {
  const histogram = { bounds_ms: [10, 20, 40], counts: [10, 80, 10, 0] };

  it("lie within the bucket that they fall into, by proportion", () => {
    expect(quantile(histogram, 0.5)).toBeCloseTo(15);
    expect(quantile(histogram, 0.05)).toBeCloseTo(5);
    expect(quantile(histogram, 0.95)).toBeCloseTo(30);
    expect(quantile(histogram, 1)).toBe(40);
  });

  it("are those of the values, as near as the buckets are fine", () => {
    const bounds = Array.from({ length: 200 }, (_, i) => 1.05 ** i);
    const values = Array.from({ length: 5000 }, (_, i) => 3 + ((i * 7919) % 5000) / 10);
    const counts = new Array(201).fill(0);
    for (const value of values) {
      const at = bounds.findIndex((bound) => value <= bound);
      counts[at < 0 ? 200 : at] += 1;
    }
    const sorted = [...values].sort((a, b) => a - b);
    for (const share of [0.1, 0.5, 0.95, 0.99]) {
      const exact = sorted[Math.floor(share * 5000)] as number;
      const found = quantile({ bounds_ms: bounds, counts }, share) as number;
      expect(Math.abs(found / exact - 1)).toBeLessThan(0.05);
    }
  });

  it("of nothing are not known, and there are no bars", () => {
    const nothing = { bounds_ms: [10], counts: [0, 0] };
    expect(quantile(nothing, 0.5)).toBeNull();
    expect(barsOf(nothing)).toEqual([]);
  });

  it("have bars from the first that is not empty to the last", () => {
    const bars = barsOf({ bounds_ms: [1, 2, 4, 8], counts: [0, 4, 0, 2, 0] });
    expect(bars.map(({ from, to, height }) => [from, to, height])).toEqual([
      [1, 2, 1],
      [2, 4, 0],
      [4, 8, 0.5],
    ]);
  });
});

describe("the flow", () => {
  it("tells each stage's rate and load, and the limit in words", () => {
    const flow = new Flow();
    flow.update([stage("source"), stage("pipeline", { limits: true, dropped: 12 }), stage("link")]);
    const [source, pipeline, link] = [...flow.el.children] as HTMLElement[];
    expect(source?.textContent).toContain("1.5k rows/s");
    expect(link?.textContent).toContain("1.5k frames/s");
    expect(pipeline?.textContent).toContain("12 rows/s dropped");
    const said = (box?: HTMLElement) => !box?.querySelector<HTMLElement>(".lw-stage-mark")?.hidden;
    expect([source, pipeline, link].map(said)).toEqual([false, true, false]);
  });

  it("keeps a stage's element while it is there", () => {
    const flow = new Flow();
    flow.update([stage("source"), stage("store")]);
    const [source] = flow.el.children;
    flow.update([stage("source"), stage("store")]);
    expect(flow.el.children[0]).toBe(source);
    flow.update([]);
    expect(flow.el.hidden).toBe(true);
  });

  it("says of a load what there is to say", () => {
    const full = stage("x", { held: 0.5, queue: 900, capacity: 1000, state: "failing" });
    const said = (each: StageStatus) => loadOf(each).replaceAll("\u00a0", " ");
    expect(said(full)).toBe("42 % busy · 50 % held · 900 of 1k wait · failing");
    expect(said(stage("x", { state: "live" }))).toBe("42 % busy");
  });
});

describe("findings", () => {
  it("are done and taken back by a button", () => {
    const done: string[][] = [];
    const findings = new Findings((...each) => done.push(each));
    const press = () => findings.el.querySelector("button")?.click();
    findings.update([finding("store")], 0);
    press();
    findings.update([finding("store", { status: "helped" })], 1);
    press();
    findings.update([finding("store", { status: "taken back" })], 2);
    press();
    expect(done).toEqual([
      ["apply", "store"],
      ["undo", "store"],
    ]);
  });

  it("are text, whatever they say", () => {
    const findings = new Findings(() => {});
    findings.update([finding("x", { text: "<img src=x onerror=alert(1)>" })], 0);
    expect(findings.el.querySelector("img")).toBeNull();
    expect(findings.el.textContent).toContain("<img");
  });

  it("are told once, one in ten seconds", () => {
    const said: string[] = [];
    const announcer = { say: (text: string) => said.push(text) };
    const findings = new Findings(() => {}, announcer as never);
    const both = [finding("a"), finding("b"), finding("c", { level: "info" })];
    for (let now = 0; now <= 30_000; now += 500) findings.update(both, now);
    expect(said).toEqual(["a is slow", "b is slow"]);
    findings.update([], 31_000);
    findings.update([finding("a")], 45_000);
    findings.update([finding("a")], 60_000);
    expect(said).toEqual(["a is slow", "b is slow", "a is slow"]);
  });
});

describe("the dashboard", () => {
  it("says what limits the rate once", () => {
    const dashboard = new Dashboard(() => {}, new AbortController().signal);
    const limit = () => dashboard.el.querySelector(".lw-limit")?.textContent;
    dashboard.update(readStatus({ limit: "a is slow", findings: [finding("a")] }));
    expect(limit()).toBe("The last two minutes");
    dashboard.update(readStatus({ limit: "Nothing.", findings: [finding("a")] }));
    expect(limit()).toBe("Nothing.");
  });

  it("stands with a status that knows nothing of it, and with nonsense", () => {
    const dashboard = new Dashboard(() => {}, new AbortController().signal);
    dashboard.update(readStatus({ state: "live" }));
    dashboard.update(readStatus({ stages: 7, findings: null, decisions: "x" }));
    const bad = { stages: [null], findings: [7], decisions: [{ time: "now", text: "" }] };
    dashboard.update(readStatus({ ...bad, histogram: {}, quality: 3 }));
    dashboard.update(readStatus({ histogram: { bounds_ms: [1], counts: [null, 2] } }));
    const hidden = [".lw-flow", ".lw-findings", ".lw-latency", ".lw-decisions"].map(
      (name) => dashboard.el.querySelector<HTMLElement>(name)?.hidden,
    );
    expect(hidden).toEqual([true, true, true, true]);
  });
});
