/** One animation clock for all charts of a page: draws what asked for it, no oftener than its cap. */

export interface Drawable {
  /** Most drawings a second. */
  readonly cap: number;
  /** Draws now; `now` in milliseconds as `performance.now()` counts. */
  draw(now: number): void;
}

/** The browser's animation frames, or a test's. */
export interface Frames {
  request(callback: (now: number) => void): number;
  cancel(handle: number): void;
}

export const browserFrames: Frames = {
  request: (callback) => requestAnimationFrame(callback),
  cancel: (handle) => cancelAnimationFrame(handle),
};

// Animation frames jitter by a few ms; without slack a cap of 30 would fall to 20 at 60 Hz.
const SLACK_MS = 4;
// Less than a frame at 60 Hz, more than what a due time and the nearest frame are apart.
const LATE_MS = 10;

let painted: (() => void)[] = [];

/** Calls back once the browser has painted: the next task comes after. One task for all of a frame. */
export function afterPaint(call: () => void): void {
  painted.push(call);
  if (painted.length > 1) return;
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    channel.port1.close();
    const calls = painted;
    painted = [];
    for (const each of calls) each();
  };
  channel.port2.postMessage(null);
}

export class FrameClock {
  #waiting = new Set<Drawable>();
  #early = new WeakSet<Drawable>();
  #last = new WeakMap<Drawable, number>();
  #handle: number | null = null;

  /** `spent` is told what each frame with a drawing took the main thread, its paint included. */
  constructor(
    private frames: Frames = browserFrames,
    private spent: (ms: number) => void = () => {},
  ) {}

  /** Asks for one drawing at the next frame that the drawable's cap allows. */
  request(drawable: Drawable): void {
    this.#waiting.add(drawable);
    this.#schedule();
  }

  forget(drawable: Drawable): void {
    this.#waiting.delete(drawable);
    if (this.#waiting.size === 0 && this.#handle !== null) {
      this.frames.cancel(this.#handle);
      this.#handle = null;
    }
  }

  #schedule(): void {
    if (this.#handle !== null || this.#waiting.size === 0) return;
    this.#handle = this.frames.request((now) => {
      this.#handle = null;
      const began = performance.now();
      const waited = this.#waiting.size;
      for (const drawable of [...this.#waiting]) this.#offer(drawable, now);
      if (this.#waiting.size < waited) afterPaint(() => this.spent(performance.now() - began));
      this.#schedule();
    });
  }

  #offer(drawable: Drawable, now: number): void {
    const period = 1000 / Math.max(1, drawable.cap);
    const last = this.#last.get(drawable) ?? Number.NEGATIVE_INFINITY;
    if (now - last < period - SLACK_MS) {
      this.#early.add(drawable);
      return;
    }
    // Counting from when it was due, not from when it came, keeps the average at the cap. But what
    // asked late counts from now: where data comes at the pace of the cap, the drawings then stand
    // so far behind its arrivals that their jitter is not seen.
    const due = Math.max(last + period, now - period);
    const late = !this.#early.delete(drawable) && now - due > LATE_MS;
    this.#last.set(drawable, late ? now : due);
    this.#waiting.delete(drawable);
    drawable.draw(now);
  }
}
