/** What a renderer is given and what it gives back; bqplot marks are the first implementation. */
import type { Level } from "../data/alert";
import type { Way, Wish } from "./ways";

export interface Tick {
  value: number;
  label: string;
}

/** One curve. `x` in nanoseconds after the picture's origin. */
export interface Curve {
  x: Float64Array;
  y: Float64Array;
  visible: boolean;
}

/** How a curve is drawn. `edge`: not by itself, but as one side of another curve's band. */
export type Shape = "line" | "dashed" | "dots" | "rings" | "diamonds" | "edge";

/** A curve's shape and colour, and its bands: the places of their lower and upper edge. */
export interface Look {
  shape: Shape;
  color: string;
  bands: [number, number][];
}

/** A moment to be marked, or a span: nanoseconds after the picture's origin, as `x` of a curve. */
export interface Mark {
  start: number;
  /** The end of its span; infinite while it lasts. */
  stop: number;
  level: Level;
  /** Whether it is past: its flag is hollow. */
  over: boolean;
}

/** Everything one drawing shows. `start`, `stop`: the visible range, nanoseconds after `origin`. */
export interface Picture {
  curves: Curve[];
  /** One for each curve. Another array is another look: it is compared by identity. */
  looks: Look[];
  marks: Mark[];
  origin: bigint;
  start: number;
  stop: number;
  low: number;
  high: number;
}

/** The rectangle that the curves are drawn in, CSS pixels within the plot's element. */
export interface Area {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** One view of the chart in the page. */
export interface Plot {
  el: HTMLElement;
  area(): Area;
  /** The elements that make up the picture, bottom first. A canvas covers the area, an svg all. */
  layers(): (SVGSVGElement | HTMLCanvasElement)[];
}

export interface Renderer {
  /** Opens a view within `host` once that has a size; gone when `signal` aborts. */
  open(host: HTMLElement, signal: AbortSignal): Promise<Plot>;
  /** Draws `picture` on every open view. */
  draw(picture: Picture): void;
  setZone(name: string): void;
  /** Draws in this way from now on; "auto" goes by what drawings take. */
  prefer(wish: Wish): void;
  /** The last drawing took `ms`, the browser's painting with it. */
  took(ms: number): void;
  /** The way that is drawn in now. */
  readonly way: Way;
  /** What there is to tell the user of it; empty for nothing. */
  readonly notice: string;
}

export const MARGIN = { top: 10, right: 20, bottom: 24, left: 58 };
