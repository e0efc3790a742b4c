/** Tells the kernel what a view shows: its width, its scale, and whether it can be seen. */
import type { PageLink } from "../link/page";

/** A resize comes in a burst: only its end is worth a rebuild of the view. */
const QUIET_MS = 100;

/** `width` gives the plot's in CSS pixels, 0 for a view of figures alone, null while unknown. */
export class Sight {
  #id: number;
  /** Null until the browser has said so for the first time. */
  #onScreen: boolean | null = null;
  #sent = "";
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private el: HTMLElement,
    private page: PageLink,
    private chart: number,
    private width: () => number | null,
    private changed: () => void,
    signal: AbortSignal,
  ) {
    this.#id = page.nextView();
    const seen = new IntersectionObserver((entries) => {
      this.#onScreen = entries.at(-1)?.isIntersecting ?? false;
      this.tell();
    });
    const sized = new ResizeObserver(() => this.#later());
    seen.observe(el);
    sized.observe(el);
    onScale(() => this.tell(), signal);
    signal.addEventListener("abort", () => {
      seen.disconnect();
      sized.disconnect();
      if (this.#timer !== null) clearTimeout(this.#timer);
      if (this.#sent !== "") page.send({ kind: "bye", chart, view: this.#id });
    });
  }

  get visible(): boolean {
    return this.#onScreen === true && this.el.isConnected && this.page.inSight;
  }

  /** Sends what has changed since the last time, if anything. */
  tell(): void {
    const width = this.width();
    if (width === null || this.#onScreen === null) return;
    const state = {
      width: Math.round(width),
      visible: this.visible,
      ratio: window.devicePixelRatio || 1,
    };
    const text = JSON.stringify(state);
    if (text === this.#sent) return;
    this.#sent = text;
    this.page.send({ kind: "view", chart: this.chart, view: this.#id, ...state });
    this.changed();
  }

  #later(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.tell(), QUIET_MS);
  }
}

/** Calls `changed` when the window comes to a screen of another scale: no resize tells of that. */
function onScale(changed: () => void, signal: AbortSignal): void {
  const media = window.matchMedia?.(`(resolution: ${window.devicePixelRatio || 1}dppx)`);
  const moved = () => {
    changed();
    onScale(changed, signal);
  };
  media?.addEventListener("change", moved, { once: true, signal });
}
