/** Speaks to screen readers politely: the newest word, at most one in five seconds. */
import { element } from "./dom";

const PACE_MS = 5000;

export class Announcer {
  readonly el = element("div", "lw-unseen", { "aria-live": "polite", role: "status" });
  #next: string | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.#timer !== null && clearTimeout(this.#timer));
  }

  say(text: string): void {
    if (this.#timer !== null) {
      this.#next = text;
      return;
    }
    this.el.textContent = text;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const next = this.#next;
      this.#next = null;
      if (next !== null && next !== this.el.textContent) this.say(next);
    }, PACE_MS);
  }
}
