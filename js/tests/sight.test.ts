// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Sight } from "../src/controls/sight";
import type { PageLink } from "../src/link/page";

/** An observer that sees at once, and never again. */
class Seeing {
  constructor(private seen: (entries: unknown[]) => void) {}
  observe(): void {
    this.seen([{ isIntersecting: true }]);
  }
  disconnect(): void {}
}

describe("Sight", () => {
  let scale: { query: string; media: EventTarget }[];

  beforeEach(() => {
    scale = [];
    vi.stubGlobal("IntersectionObserver", Seeing);
    vi.stubGlobal("ResizeObserver", Seeing);
    vi.stubGlobal("matchMedia", (query: string) => {
      const media = new EventTarget();
      scale.push({ query, media });
      return media;
    });
  });
  afterEach(() => void vi.unstubAllGlobals());

  it("tells of each screen that the window comes to, until its view is gone", () => {
    const el = document.body.appendChild(document.createElement("div"));
    const told: unknown[] = [];
    const send = ({ kind, ratio }: Record<string, unknown>) => told.push([kind, ratio]);
    const page = { nextView: () => 7, inSight: true, send } as unknown as PageLink;
    const changed = vi.fn();
    const owner = new AbortController();
    vi.stubGlobal("devicePixelRatio", 1);
    new Sight(el, page, 1, () => 600, changed, owner.signal);
    for (const ratio of [2, 1.5]) {
      vi.stubGlobal("devicePixelRatio", ratio);
      scale.at(-1)?.media.dispatchEvent(new Event("change"));
    }
    expect(scale.map(({ query }) => query)).toEqual([
      "(resolution: 1dppx)",
      "(resolution: 2dppx)",
      "(resolution: 1.5dppx)",
    ]);
    expect(told).toEqual([
      ["view", 1],
      ["view", 2],
      ["view", 1.5],
    ]);
    expect(changed).toHaveBeenCalledTimes(3); // which has it drawn, also while it is paused
    owner.abort();
    scale.at(-1)?.media.dispatchEvent(new Event("change"));
    expect(scale.length).toBe(3);
  });
});
