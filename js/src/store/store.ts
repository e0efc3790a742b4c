/** What the browser holds of one chart: kept equal to the kernel's view, frame by frame. */
import type { Frame, Meta } from "../data/frame";
import { Track } from "./track";

export interface StoredSeries {
  name: string;
  /** The column that it draws, and the key whose rows: "" where there are none. */
  column: string;
  key: string;
  track: Track;
}

/** `applied`: the arrays changed. `waiting`: more parts to come. `gap`: a snapshot is needed. */
export type Outcome = "applied" | "waiting" | "passed" | "gap";

const NO_META: Meta = { series: [], notes: [], bucketNs: 0 };

export class ChartStore {
  generation = 0;
  sequence = 0;
  needsSnapshot = false;
  meta: Meta = NO_META;
  series: StoredSeries[] = [];
  /** Nanoseconds since the epoch; all x and the visible range count from here. */
  origin = 0n;
  /** The last frame applied; null before the first. */
  last: Frame | null = null;
  #parts: Frame[] = [];

  /** Takes one frame or part; see `wire/layout.md`, "To apply a section". */
  apply(frame: Frame): Outcome {
    if (frame.sequence <= this.sequence) return "passed";
    const fits =
      frame.snapshot || (frame.generation === this.generation && frame.base === this.sequence);
    if (!fits || !this.#continues(frame)) {
      this.#parts = [];
      this.needsSnapshot = true;
      return "gap";
    }
    this.#parts.push(frame);
    if (this.#parts.length < frame.parts) return "waiting";
    this.#commit(this.#parts);
    return "applied";
  }

  /** Whether `frame` is the next part; a first part starts over. */
  #continues(frame: Frame): boolean {
    if (frame.part === 0) {
      this.#parts = [];
      return true;
    }
    const first = this.#parts[0];
    return first?.sequence === frame.sequence && this.#parts.length === frame.part;
  }

  #commit(parts: Frame[]): void {
    const first = parts[0] as Frame;
    if (first.snapshot) this.#reset(first);
    for (const part of parts) {
      for (const section of part.sections) this.series[section.series]?.track.apply(section);
    }
    this.generation = first.generation;
    this.sequence = first.sequence;
    this.last = { ...first, sections: [] };
    this.#parts = [];
  }

  #reset(frame: Frame): void {
    this.meta = frame.meta ?? NO_META;
    this.origin = frame.origin;
    this.needsSnapshot = false;
    this.series = this.meta.series.map(({ name, column, key }, i) => {
      const track = this.series[i]?.track ?? new Track();
      track.clear();
      return { name: String(name), column: String(column ?? name), key: String(key ?? ""), track };
    });
  }
}
