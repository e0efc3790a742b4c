/** Speaks to screen readers politely: at most once in five seconds, and then all that has waited. */
import { element } from "./dom";

const PACE_MS = 5000;
/** What waits at most: beyond it the oldest is not said. */
const MOST = 5;

export class Announcer {
  readonly el = element("div", "lw-unseen", { "aria-live": "polite", role: "status" });
  #waiting = new Map<string, string>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.#timer !== null && clearTimeout(this.#timer));
  }

  /** Says `text`, in the place of what waits to be said `about` the same. */
  say(text: string, about = text): void {
    this.#waiting.delete(about);
    this.#waiting.set(about, text);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST) this.#waiting.delete(oldest as string);
    if (this.#timer === null) this.#speak();
  }

  #speak(): void {
    const text = [...this.#waiting.values()].join(". ");
    this.#waiting.clear();
    this.#timer = null;
    if (text === "" || text === this.el.textContent) return;
    this.el.textContent = text;
    this.#timer = setTimeout(() => this.#speak(), PACE_MS);
  }
}
