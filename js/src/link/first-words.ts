/**
 * What a page's views have told the kernel in its first seconds, to be told again. A host asks for
 * a subshell when the first widget comes; until it has one, what the page says waits in the main
 * shell behind the running cell and all that are queued, and no chart is drawn before they end.
 */
import type { ToKernel } from "../wire/messages";

/** When it is told again, ms after the link began; the last is the end of it. */
const AGAIN_MS = [1000, 2000, 4000, 8000, 16000];

type View = Extract<ToKernel, { kind: "view" }>;

export class FirstWords {
  #views = new Map<string, View>();
  #told = 0;

  constructor(private began: number) {}

  /** Takes up what is sent. */
  said(message: ToKernel): void {
    if (this.#told === AGAIN_MS.length) return;
    if (message.kind === "view") this.#views.set(`${message.chart} ${message.view}`, message);
    else if (message.kind === "bye") this.#views.delete(`${message.chart} ${message.view}`);
  }

  /** What is to be told again at `now`, ms. */
  due(now: number): View[] {
    const at = AGAIN_MS[this.#told];
    if (at === undefined || now - this.began < at) return [];
    this.#told += 1;
    const views = [...this.#views.values()];
    if (this.#told === AGAIN_MS.length) this.#views.clear();
    return views;
  }
}
