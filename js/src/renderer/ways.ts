/** The ways that curves can be drawn in, and which of them a chart takes. */

/** `bqplot`: its own marks, as svg. `canvas`: a bitmap in the same figure, between its axes. */
export type Way = "bqplot" | "canvas";
export type Wish = "auto" | Way;

const WISHES: Wish[] = ["auto", "bqplot", "canvas"];
/** Where this device's own preference lies, for charts that leave it open. */
const PREFERENCE = "livewidget.renderer";

/** What a chart is to be drawn with: what its trait says, else what this device prefers. */
export function wishOf(trait: unknown): Wish {
  const told = WISHES.find((wish) => wish === trait) ?? "auto";
  if (told !== "auto") return told;
  return WISHES.find((wish) => wish === preference(PREFERENCE)) ?? "auto";
}

function preference(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a page may not be let to its storage
  }
}

/** More than this for a drawing, of the 16.7 that a screen gives it, and the chart moves up. */
const SLOW_MS = 11;
const DRAWINGS = 24;
/** So much slower the canvas may be measured: what marks cost the browser's other threads is not. */
const NO_WORSE = 1.2;
/** So often: a page that opens is busy with other things. */
const CHANCES = 3;

/**
 * Begins with bqplot's marks and tries the canvas where drawings take too long. It stays there
 * unless that is clearly slower: which it is depends on the machine, above all on its graphics card.
 * There is one try, so that it never goes to and fro. A way that fails is not taken again.
 */
export class Ways {
  way: Way = "bqplot";
  /** Why the canvas is not taken although it was to be; empty where it may be. */
  failure = "";
  #wish: Wish = "auto";
  #took: number[] = [];
  /** What drawings took with marks when the canvas was tried (ms); null before. */
  #before: number | null = null;
  #poor = 0;
  #settled = false;

  /** Takes up what the user wants; returns whether the way is another one now. */
  want(wish: Wish): boolean {
    this.#wish = wish;
    this.#took = [];
    return this.#take(wish === "canvas" || (wish === "auto" && this.way === "canvas"));
  }

  /** One drawing took `ms`, the browser's painting with it; returns as `want` does. */
  took(ms: number): boolean {
    if (this.#wish !== "auto" || this.#settled || this.failure !== "") return false;
    this.#took.push(ms);
    if (this.#took.length < DRAWINGS) return false;
    const median = this.#took.sort((a, b) => a - b)[DRAWINGS / 2] as number;
    this.#took = [];
    if (this.way === "canvas") {
      const good = median < NO_WORSE * (this.#before ?? Number.POSITIVE_INFINITY);
      if (!good) this.#poor += 1;
      this.#settled = good || this.#poor === CHANCES;
      return this.#settled && this.#take(good);
    }
    if (median <= SLOW_MS) return false;
    this.#before = median;
    return this.#take(true);
  }

  /** The canvas cannot be drawn on; returns as `want` does. */
  failed(why: string): boolean {
    this.failure = why;
    return this.#take(false);
  }

  /** The canvas can be drawn on again; returns as `want` does. */
  mended(): boolean {
    this.failure = "";
    return this.#take(this.#wish === "canvas");
  }

  #take(canvas: boolean): boolean {
    const way = canvas && this.failure === "" ? "canvas" : "bqplot";
    const other = way !== this.way;
    this.way = way;
    return other;
  }
}
