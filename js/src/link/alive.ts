/**
 * Whether the page's animation frames run: a page that is covered or minimised still says it is
 * visible, but its frames fall to one a second or stop.
 */
import type { Frames } from "./clock";

/** A frame that takes longer than this after it was asked for is one of a page out of sight. */
const PROMPT_MS = 300;
/** A covered page's frames may come at four a second; those that bring a page back are faster. */
const BACK_MS = 100;
/** So many prompt frames in a row bring a page back: a covered one has two by chance. */
const ENOUGH = 3;
/** A check that comes this late says that the page was busy, which is no sign of being hidden. */
const LATE_MS = 250;

export class FramesAlive {
  alive = true;
  #asked: number | null = null;
  #expected = Number.NaN;
  #missed = 0;
  #prompt = 0;

  constructor(
    private frames: Frames,
    private changed: () => void,
    private now: () => number = () => performance.now(),
  ) {}

  /** Called every `period` ms by the page's timer. */
  check(period: number): void {
    const now = this.now();
    const late = now - this.#expected > LATE_MS;
    this.#expected = now + period;
    if (this.#asked === null) this.#ask(now);
    else if (late && this.alive) this.#asked = now;
    else if (now - this.#asked > PROMPT_MS) {
      this.#missed += 1;
      if (this.#missed >= 2) this.#become(false);
    }
  }

  #ask(now: number): void {
    this.#asked = now;
    this.frames.request(() => {
      const answered = this.now();
      const waited = this.#asked === null ? Number.POSITIVE_INFINITY : answered - this.#asked;
      this.#asked = null;
      if (waited <= PROMPT_MS) this.#missed = 0;
      this.#prompt = waited <= BACK_MS ? this.#prompt + 1 : 0;
      if (this.#prompt >= ENOUGH) this.#become(true);
      if (!this.alive) this.#ask(answered);
    });
  }

  #become(alive: boolean): void {
    if (this.alive === alive) return;
    this.alive = alive;
    this.changed();
  }
}
