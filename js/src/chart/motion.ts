/** Whether a chart may move between the kernel's frames: more drawings, for a smoother picture. */
import type { Way } from "../renderer/ways";

/** A drawing that takes more than this, of the 33 ms it has at 30 a second, is not worth doubling. */
const CHEAP_MS = 5;
/** Having glided, it goes on until a drawing takes this much: no change of mind at each frame. */
const DEAR_MS = 8;
/** The share of the newest drawing in the running mean. */
const NEWEST = 0.1;

export class Motion {
  /** The trait: "auto", "on" or "off"; anything else counts as "auto". */
  wish: unknown = "auto";
  #cost = 0;
  #cheap = true;
  #reduced: MediaQueryList | null;

  constructor(media = globalThis.matchMedia?.bind(globalThis)) {
    this.#reduced = media?.("(prefers-reduced-motion: reduce)") ?? null;
  }

  /** A drawing took `ms`, the browser's painting with it. */
  took(ms: number): void {
    this.#cost += (ms - this.#cost) * NEWEST;
    this.#cheap = this.#cost < (this.#cheap ? DEAR_MS : CHEAP_MS);
  }

  /** A reader who wants less motion gets none; "auto" glides where that is cheap: on the canvas. */
  allowed(way: Way): boolean {
    if (this.wish === "off" || this.#reduced?.matches) return false;
    return this.wish === "on" || (way === "canvas" && this.#cheap);
  }
}
