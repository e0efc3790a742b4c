/** The range of time that a chart shows: the kernel's while live, the user's at once on a zoom. */
import type { Frame } from "../data/frame";

/** How long the kernel's word on the range is set aside after a zoom it has not taken up yet. */
const PATIENCE_MS = 1500;
/** The narrowest range: below, a float64 of epoch milliseconds has no room for ticks. */
const NARROWEST_NS = 1e6;

export class Viewport {
  origin = 0n;
  /** Nanoseconds after `origin`; stop is greater than start once `known`. */
  start = 0;
  stop = 1;
  known = false;
  /** Whether the user looks at a range of their own; else the picture moves with the data. */
  zoomed = false;
  #pending: { token: number; until: number } | null = null;

  /** Takes up the range of `frame` at `now` (ms), unless a zoom of ours is still on its way. */
  follow(frame: Frame, now: number): void {
    this.#rebase(frame.origin);
    if (this.#pending !== null) {
      const heard = frame.viewport === this.#pending.token;
      if (!heard && now < this.#pending.until) return;
      this.#pending = null;
    }
    if (!(frame.stop > frame.start)) return;
    this.start = frame.start;
    this.stop = frame.stop;
    this.known = true;
    this.zoomed = !frame.follow && frame.viewport !== 0;
  }

  /** Shows [start, stop] now; returns the token for the `range` message that asks for it. */
  zoom(start: number, stop: number, now: number): number {
    const middle = (start + stop) / 2;
    const half = Math.max(NARROWEST_NS, stop - start) / 2;
    this.start = middle - half;
    this.stop = middle + half;
    this.zoomed = true;
    return this.#expect(now);
  }

  /** Returns to the live range as soon as a frame brings it; returns the message's token. */
  live(now: number): number {
    this.zoomed = false;
    return this.#expect(now);
  }

  /** The range in nanoseconds since the epoch, as decimal text. */
  text(): [string, string] {
    const absolute = (offset: number) => String(this.origin + BigInt(Math.round(offset)));
    return [absolute(this.start), absolute(this.stop)];
  }

  #expect(now: number): number {
    const token = (crypto.getRandomValues(new Uint32Array(1))[0] as number) || 1;
    this.#pending = { token, until: now + PATIENCE_MS };
    return token;
  }

  #rebase(origin: bigint): void {
    if (origin === this.origin) return;
    const shift = Number(this.origin - origin);
    this.start += shift;
    this.stop += shift;
    this.origin = origin;
  }
}
