/** How hard the page's main thread works: long tasks and the heap, where the browser tells. */
import type { PageStrain } from "../wire/messages";

/** Chromium's own; no standard, and in no other browser. */
interface WithMemory {
  memory?: { usedJSHeapSize: number };
}

export class StrainGauge {
  #tasks = 0;
  #ms = 0;
  #observer: PerformanceObserver | null = null;

  constructor() {
    if (typeof PerformanceObserver === "undefined") return;
    if (!PerformanceObserver.supportedEntryTypes?.includes("longtask")) return;
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.#tasks += 1;
        this.#ms += entry.duration;
      }
    });
    this.#observer.observe({ type: "longtask" });
  }

  /** What there was since the last call. */
  take(): PageStrain {
    const strain: PageStrain = {};
    if (this.#observer !== null) {
      strain.long_tasks = this.#tasks;
      strain.long_ms = this.#ms;
      this.#tasks = 0;
      this.#ms = 0;
    }
    const heap = (performance as WithMemory).memory?.usedJSHeapSize;
    if (heap !== undefined) strain.heap = heap;
    return strain;
  }

  close(): void {
    this.#observer?.disconnect();
  }
}
