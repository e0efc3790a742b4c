/** The values that flow: what a packet holds once it is read, and what a chart's store keeps. */

/** A replacement inside a series: `remove` points out at `start`, the next `insert` points in. */
export interface Patch {
  start: number;
  remove: number;
  insert: number;
}

/** What changed in one series. `x` in nanoseconds after the frame's origin. */
export interface Section {
  series: number;
  trim: number;
  cut: number;
  append: number;
  patches: Patch[];
  x: Float64Array;
  y: Float64Array;
}

/** `column` and `key` where each key has lines of its own; else the name is the column's. */
export interface SeriesMeta {
  name: string;
  column?: string;
  key?: string;
}

/** What a snapshot says of the chart: all series in order, notes to show, the bucket's width. */
export interface Meta {
  series: SeriesMeta[];
  notes: string[];
  bucketNs: number;
}

/** One frame, or one part of it. `origin` in nanoseconds since the epoch, the rest relative to it. */
export interface Frame {
  chart: number;
  generation: number;
  sequence: number;
  base: number;
  snapshot: boolean;
  follow: boolean;
  part: number;
  parts: number;
  viewport: number;
  origin: bigint;
  start: number;
  stop: number;
  arrival: number;
  meta: Meta | null;
  sections: Section[];
}
