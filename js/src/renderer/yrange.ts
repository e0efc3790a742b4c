/** The y axis's range: it grows at once and shrinks late, so that it does not twitch, and gently. */
import type { Curve } from "./base";
import { visibleSlice } from "./path";

/** Room left free above and below the data, as a share of its span. */
const PADDING = 0.08;
/** The data must fill less than this share of the axis, and for this long, before it shrinks. */
const LOOSE = 0.6;
const PATIENCE_MS = 3000;
/** How long an eased shrinking takes. */
const EASE_MS = 300;

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

/** What differs by less than this share of its size differs by rounding: it counts as constant. */
const ROUNDING = 1e-13;

/** An axis ends here: of more, its span would be beyond what a number can be. */
const FARTHEST = Number.MAX_VALUE / 4;

function padded(least: number, greatest: number): [number, number] {
  const [low, high] = [within(least), within(greatest)];
  const size = Math.max(Math.abs(low), Math.abs(high));
  const span = high - low > size * ROUNDING ? high - low : size * 0.1 || 1;
  return [low - span * PADDING, high + span * PADDING];
}

function within(value: number): number {
  return Math.max(-FARTHEST, Math.min(value, FARTHEST));
}

export class YRange {
  low = 0;
  high = 1;
  #set = false;
  #looseSince: number | null = null;
  #ease: { from: [number, number]; to: [number, number]; since: number } | null = null;

  /** Fits at the next update, without patience: after a zoom, or when a curve is shown or hidden. */
  refit(): void {
    this.#set = false;
  }

  /** Whether it is on its way to a smaller range: another update is to come. */
  get moving(): boolean {
    return this.#ease !== null;
  }

  /** Takes up the data's extent at `now` (ms); shrinks in steps where it may be `smooth`. */
  update(data: [number, number] | null, now: number, smooth = false): void {
    this.#step(now);
    if (data === null) return;
    const [low, high] = data;
    const target = padded(low, high);
    if (!this.#set) {
      this.#adopt(target);
      return;
    }
    // Data is never out of sight: growing ends an easing.
    if (low < this.low || high > this.high) this.#ease = null;
    if (low < this.low) this.low = target[0];
    if (high > this.high) this.high = target[1];
    if (this.#ease !== null) return;
    const loose = high - low < (this.high - this.low) * LOOSE && target[1] - target[0] > 0;
    const nearer = target[1] - target[0] < (this.high - this.low) * 0.95;
    if (!loose || !nearer) this.#looseSince = null;
    else if (this.#looseSince === null) this.#looseSince = now;
    else if (now - this.#looseSince >= PATIENCE_MS) {
      if (smooth) this.#ease = { from: [this.low, this.high], to: target, since: now };
      else this.#adopt(target);
    }
  }

  /** Goes on with an easing: fast at first, slow at its end. */
  #step(now: number): void {
    if (this.#ease === null) return;
    const { from, to, since } = this.#ease;
    const left = 1 - Math.min(1, Math.max(0, (now - since) / EASE_MS));
    if (left === 0) {
      this.#adopt(to);
      return;
    }
    this.low = to[0] + (from[0] - to[0]) * left ** 3;
    this.high = to[1] + (from[1] - to[1]) * left ** 3;
  }

  #adopt([low, high]: [number, number]): void {
    this.low = low;
    this.high = high;
    this.#set = true;
    this.#looseSince = null;
    this.#ease = null;
  }
}
