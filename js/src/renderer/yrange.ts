/** The y axis's range: it grows at once and shrinks late, so that it does not twitch. */
import type { Curve } from "./base";
import { visibleSlice } from "./path";

/** Room left free above and below the data, as a share of its span. */
const PADDING = 0.08;
/** The data must fill less than this share of the axis, and for this long, before it shrinks. */
const LOOSE = 0.6;
const PATIENCE_MS = 3000;

/** Least and greatest finite y of the visible curves between start and stop; null for none. */
export function extent(curves: Curve[], start: number, stop: number): [number, number] | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { x, y, visible } of curves) {
    if (!visible) continue;
    const [from, to] = visibleSlice(x, start, stop);
    for (let i = from; i < to; i++) {
      const value = y[i] as number;
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

function padded(low: number, high: number): [number, number] {
  const span = high - low || Math.abs(high) * 0.1 || 1;
  return [low - span * PADDING, high + span * PADDING];
}

export class YRange {
  low = 0;
  high = 1;
  #set = false;
  #looseSince: number | null = null;

  /** Fits at the next update, without patience: after a zoom, or when a curve is shown or hidden. */
  refit(): void {
    this.#set = false;
  }

  /** Takes up the data's extent at `now` (ms). */
  update(data: [number, number] | null, now: number): void {
    if (data === null) return;
    const [low, high] = data;
    const target = padded(low, high);
    if (!this.#set) {
      this.#adopt(target);
      return;
    }
    if (low < this.low) this.low = target[0];
    if (high > this.high) this.high = target[1];
    const loose = high - low < (this.high - this.low) * LOOSE && target[1] - target[0] > 0;
    const nearer = target[1] - target[0] < (this.high - this.low) * 0.95;
    if (!loose || !nearer) this.#looseSince = null;
    else if (this.#looseSince === null) this.#looseSince = now;
    else if (now - this.#looseSince >= PATIENCE_MS) this.#adopt(target);
  }

  #adopt([low, high]: [number, number]): void {
    this.low = low;
    this.high = high;
    this.#set = true;
    this.#looseSince = null;
  }
}
