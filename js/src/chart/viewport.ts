/** The range of time that a chart shows: the kernel's while live, the user's at once on a zoom. */
import type { Frame } from "../data/frame";

/** How long the kernel's word on the range is set aside after a zoom it has not taken up yet. */
const PATIENCE_MS = 1500;
/** The narrowest range: below, a float64 of epoch milliseconds has no room for ticks. */
const NARROWEST_NS = 1e6;
/** No range reaches farther from 1970 than this: the kernel takes up less than 2 ** 62 ns. */
const FARTHEST_NS = 4_600_000_000_000_000_000n;
/** Frames further apart than this are not glided between: a picture must not trail behind. */
const LONGEST_MS = 120;
/** A step of more than this share of the range is a jump, and so is a range of another width. */
const FARTHEST = 0.25;
/** Frames must come this much more slowly than drawings may: else a glide only adds a delay. */
const SLOWER = 1.5;
const SAME_WIDTH = 0.001;

/** On the way to `target`, a step ahead of what was shown at `since` (ms). */
interface Glide {
  from: number;
  target: number;
  since: number;
  duration: number;
}

export class Viewport {
  origin = 0n;
  /** Nanoseconds after `origin`; stop is greater than start once `known`. */
  start = 0;
  stop = 1;
  known = false;
  /** Whether the user looks at a range of their own; else the picture moves with the data. */
  zoomed = false;
  #glide: Glide | null = null;
  #followed = Number.NEGATIVE_INFINITY;
  /** The range that was left by a zoom; null before one. */
  #home: [number, number] | null = null;
  #pending: { token: number; until: number } | null = null;

  /**
   * Takes up the range of `frame` at `now` (ms), unless a zoom of ours is still on its way. Where
   * drawings may come every `pace` ms and frames come more slowly, it glides there: see `advance`.
   */
  follow(frame: Frame, now: number, pace = Number.POSITIVE_INFINITY): void {
    this.#rebase(frame.origin);
    if (this.#pending !== null) {
      const heard = frame.viewport === this.#pending.token;
      if (!heard && now < this.#pending.until) return;
      this.#pending = null;
    }
    if (!(frame.stop > frame.start)) return;
    const zoomed = !frame.follow && frame.viewport !== 0;
    const apart = now - this.#followed;
    this.#followed = now;
    const slow = apart > pace * SLOWER && apart <= LONGEST_MS;
    const glides = slow && this.known && frame.follow && !this.zoomed && this.#near(frame);
    this.known = true;
    this.zoomed = zoomed;
    if (glides) {
      const from = this.stop;
      this.#glide = { from, target: frame.stop, since: now, duration: apart };
      return;
    }
    this.#glide = null;
    this.start = frame.start;
    this.stop = frame.stop;
  }

  /** Moves on to where a glide stands at `now` (ms); returns whether there is more of it. */
  advance(now: number): boolean {
    if (this.#glide === null) return false;
    const { from, target, since, duration } = this.#glide;
    const share = Math.min(1, Math.max(0, (now - since) / duration));
    const width = this.stop - this.start;
    this.stop = share < 1 ? from + (target - from) * share : target;
    this.start = this.stop - width;
    if (share === 1) this.#glide = null;
    return share < 1;
  }

  /** Shows [start, stop] now; returns the token for the `range` message that asks for it. */
  zoom(start: number, stop: number, now: number): number {
    const least = Number(-FARTHEST_NS - this.origin);
    const most = Number(FARTHEST_NS - this.origin);
    const half = Math.min(Math.max(NARROWEST_NS, stop - start), most - least) / 2;
    const middle = Math.min(most - half, Math.max(least + half, (start + stop) / 2));
    if (!this.zoomed && this.#pending === null) this.#home = [this.start, this.stop];
    this.start = middle - half;
    this.stop = middle + half;
    this.zoomed = true;
    this.#glide = null;
    return this.#expect(now);
  }

  /** Returns to the live range as soon as a frame brings it; returns the message's token. */
  live(now: number): number {
    this.zoomed = false;
    return this.#expect(now);
  }

  /** Returns to where the zooming began: no frame comes any more that says where live is. */
  home(): void {
    if (this.#home !== null) [this.start, this.stop] = this.#home;
    this.zoomed = false;
    this.#glide = null;
  }

  /** The range in nanoseconds since the epoch, as decimal text. */
  text(): [string, string] {
    const absolute = (offset: number) => String(this.origin + BigInt(Math.round(offset)));
    return [absolute(this.start), absolute(this.stop)];
  }

  /** Whether the range of `frame` is a step ahead of what is shown, and as wide. */
  #near({ start, stop }: Frame): boolean {
    const width = this.stop - this.start;
    const step = stop - this.stop;
    const same = Math.abs(stop - start - width) <= width * SAME_WIDTH;
    return same && step > 0 && step <= width * FARTHEST;
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
    if (this.#home !== null) this.#home = [this.#home[0] + shift, this.#home[1] + shift];
    if (this.#glide !== null) {
      this.#glide.from += shift;
      this.#glide.target += shift;
    }
    this.origin = origin;
  }
}
