/** One animation clock for all charts of a page: draws what asked for it, no oftener than its cap. */

export interface Drawable {
  /** Most drawings a second. */
  readonly cap: number;
  /** Draws now; `now` in milliseconds as `performance.now()` counts. */
  draw(now: number): void;
  /** Whether the age of what is seen counts more than an even beat of its drawings. */
  hurried?(): boolean;
}

/** The browser's animation frames, or a test's. */
export interface Frames {
  request(callback: (now: number) => void): number;
  cancel(handle: number): void;
  now(): number;
}

export const browserFrames: Frames = {
  request: (callback) => requestAnimationFrame(callback),
  cancel: (handle) => cancelAnimationFrame(handle),
  now: () => performance.now(),
};

// Animation frames jitter by a few ms; without slack a cap of 30 would fall to 20 at 60 Hz.
const SLACK_MS = 4;
// Less than a frame at 60 Hz, more than what a due time and the nearest frame are apart.
const LATE_MS = 10;

const reported = new Set<string>();
const MOST_REPORTED = 100;

/** One that fails, of many, is not the end of the others. What fails at each frame is told once. */
export function attempt(call: () => void): void {
  try {
    call();
  } catch (error) {
    const text = String(error);
    if (reported.has(text) || reported.size >= MOST_REPORTED) return;
    reported.add(text);
    console.error(error);
  }
}

export class FrameClock {
  #waiting = new Set<Drawable>();
  #early = new WeakSet<Drawable>();
  #last = new WeakMap<Drawable, number>();
  #handle: number | null = null;
  /** What was drawn since the last animation frame, before the next, and how long that took. */
  #ahead = new Set<Drawable>();
  #aheadMs = 0;
  #painted: (() => void)[] = [];
  /** Calls of frames that will have been painted when the next task begins. */
  #settling: (() => void)[] = [];

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

  /**
   * Draws at once what is hurried, and may: the frame that shows it then finds it done. Waiting for
   * that frame's beginning would add half a frame to the age of what is seen.
   */
  hurry(): void {
    const began = this.frames.now();
    for (const drawable of [...this.#waiting]) {
      if (!drawable.hurried?.() || this.#ahead.has(drawable)) continue;
      if (this.#offer(drawable, began)) this.#ahead.add(drawable);
    }
    this.#aheadMs += this.frames.now() - began;
    this.#schedule();
  }

  forget(drawable: Drawable): void {
    this.#waiting.delete(drawable);
    this.#ahead.delete(drawable);
    if (this.#idle && this.#handle !== null) {
      this.frames.cancel(this.#handle);
      this.#handle = null;
    }
  }

  /** Calls back once the browser has painted what is drawn now. One task for all of a frame. */
  afterPaint(call: () => void): void {
    this.#painted.push(call);
  }

  /**
   * Makes the calls of what has been painted, from a task of its own: one that draws makes them
   * first, or the time of its own work would count as that of the frame before.
   */
  settle(): void {
    const calls = this.#settling;
    this.#settling = [];
    for (const call of calls) attempt(call);
  }

  get #idle(): boolean {
    return this.#waiting.size === 0 && this.#ahead.size === 0;
  }

  #schedule(): void {
    if (this.#handle !== null || this.#idle) return;
    this.#handle = this.frames.request((now) => {
      this.#handle = null;
      const began = this.frames.now() - this.#aheadMs;
      let drew = this.#ahead.size > 0;
      this.#ahead.clear();
      this.#aheadMs = 0;
      for (const drawable of [...this.#waiting]) drew = this.#offer(drawable, now) || drew;
      if (drew) this.afterPaint(() => this.spent(this.frames.now() - began));
      this.#tellPainted();
      this.#schedule();
    });
  }

  /** The browser paints after its animation frame's callbacks: the next task comes after that. */
  #tellPainted(): void {
    if (this.#painted.length === 0) return;
    this.#settling.push(...this.#painted);
    this.#painted = [];
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      this.settle();
    };
    channel.port2.postMessage(null);
  }

  /** Draws where the cap allows it; says whether it did. */
  #offer(drawable: Drawable, now: number): boolean {
    const period = 1000 / Math.max(1, drawable.cap);
    const last = this.#last.get(drawable) ?? Number.NEGATIVE_INFINITY;
    if (now - last < period - SLACK_MS) {
      this.#early.add(drawable);
      return false;
    }
    // Counting from when it was due, not from when it came, keeps the average at the cap. But what
    // asked late counts from now: where data comes at the pace of the cap, the drawings then stand
    // so far behind its arrivals that their jitter is not seen.
    const due = Math.max(last + period, now - period);
    const late = !this.#early.delete(drawable) && now - due > LATE_MS;
    this.#last.set(drawable, late ? now : due);
    this.#waiting.delete(drawable);
    attempt(() => drawable.draw(now));
    return true;
  }
}
