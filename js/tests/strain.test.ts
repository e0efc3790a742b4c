import { afterEach, describe, expect, it, vi } from "vitest";
import { StrainGauge } from "../src/link/strain";

/** An observer that a test tells of entries. */
class FakeObserver {
  static supportedEntryTypes: string[] = ["longtask"];
  static last: FakeObserver | null = null;
  observing: unknown = null;

  constructor(private heard: (list: { getEntries(): { duration: number }[] }) => void) {
    FakeObserver.last = this;
  }

  observe(what: unknown): void {
    this.observing = what;
  }

  disconnect(): void {
    this.observing = null;
  }

  tell(...durations: number[]): void {
    this.heard({ getEntries: () => durations.map((duration) => ({ duration })) });
  }
}

describe("StrainGauge", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    FakeObserver.supportedEntryTypes = ["longtask"];
  });

  it("tells of the long tasks since the last time, and of the heap", () => {
    vi.stubGlobal("PerformanceObserver", FakeObserver);
    vi.stubGlobal("performance", { memory: { usedJSHeapSize: 5000 } });
    const gauge = new StrainGauge();
    expect(FakeObserver.last?.observing).toEqual({ type: "longtask" });
    FakeObserver.last?.tell(60, 80.5);
    FakeObserver.last?.tell(100);
    expect(gauge.take()).toEqual({ long_tasks: 3, long_ms: 240.5, heap: 5000 });
    expect(gauge.take()).toEqual({ long_tasks: 0, long_ms: 0, heap: 5000 });
    gauge.close();
    expect(FakeObserver.last?.observing).toBeNull();
  });

  it("tells nothing that the browser does not", () => {
    vi.stubGlobal("performance", {});
    vi.stubGlobal("PerformanceObserver", undefined);
    const gauge = new StrainGauge();
    expect(gauge.take()).toEqual({});
    gauge.close();
    FakeObserver.supportedEntryTypes = ["paint"];
    vi.stubGlobal("PerformanceObserver", FakeObserver);
    expect(new StrainGauge().take()).toEqual({});
  });
});
