// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Announcer } from "../src/controls/announce";

describe("Announcer", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("says of each thing the newest, and loses no alert for a state that comes after it", () => {
    const announcer = new Announcer(new AbortController().signal);
    const { el } = announcer;
    announcer.say("live", "state");
    expect(el.textContent).toBe("live");
    announcer.say("reconnecting", "state");
    announcer.say("Alert: hot");
    announcer.say("stale", "state");
    vi.advanceTimersByTime(4900);
    expect(el.textContent).toBe("live");
    vi.advanceTimersByTime(200);
    expect(el.textContent).toBe("Alert: hot. stale");
  });

  it("speaks at most once in five seconds, and not of what is no news by then", () => {
    const announcer = new Announcer(new AbortController().signal);
    announcer.say("live", "state");
    announcer.say("paused", "state");
    announcer.say("live", "state");
    const changes = new MutationObserver(() => {});
    changes.observe(announcer.el, { childList: true });
    vi.advanceTimersByTime(10_000);
    expect(changes.takeRecords()).toEqual([]);
    announcer.say("paused", "state");
    announcer.say("live", "state");
    expect(changes.takeRecords()).toHaveLength(1);
  });

  it("lets no more wait than is worth hearing", () => {
    const announcer = new Announcer(new AbortController().signal);
    for (let n = 0; n < 50; n++) announcer.say(`alert ${n}`);
    vi.advanceTimersByTime(5000);
    expect(announcer.el.textContent).toBe("alert 45. alert 46. alert 47. alert 48. alert 49");
  });
});
