/**
 * Curves as pixels. A curve over time is a function, so that what a round pen inks of it on any
 * upright line is one interval: no paths, no scan conversion, and a cost that goes with the ink.
 * Four such lines a pixel column give the edges their smoothness.
 */
import type { Area, Curve, Picture } from "./base";
import { onLine, visibleSlice } from "./path";

/** Upright lines a pixel column. */
const LINES = 4;
/** Nothing is inked on a line whose top has this value. */
const NOWHERE = 1e9;
/** No pixel is farther away than this: beyond, numbers are no longer exact enough. */
const FAR = 1e6;

/** So little of a line is of rounding. */
const HARDLY = 0.004;

/** A colour as the pixels have it, blue << 16 | green << 8 | red, and its opacity, 0 to 255. */
export interface Ink {
  rgb: number;
  alpha: number;
}

export class Raster {
  /** Rows of pixels from the top, each red, green, blue and opacity, as an `ImageData` has them. */
  readonly bytes: Uint8ClampedArray<ArrayBuffer>;
  /** The same, a number each; all machines with a browser are little-endian. */
  #pixels: Int32Array;
  #tops: Float32Array;
  #bottoms: Float32Array;
  /** The lines that the present stretch has touched: [from, to). */
  #from = 0;
  #to = 0;
  /** Of the column that is inked: how much more of each row is covered than of the one above. */
  #covers: Float64Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.bytes = new Uint8ClampedArray(4 * width * height);
    this.#pixels = new Int32Array(this.bytes.buffer);
    this.#tops = new Float32Array(LINES * width).fill(NOWHERE);
    this.#bottoms = new Float32Array(LINES * width).fill(-NOWHERE);
    this.#from = LINES * width;
    this.#covers = new Float64Array(height + 2);
  }

  clear(): void {
    this.#pixels.fill(0);
  }

  /** Draws `curve` with a pen of `weight` pixels. A y that is not finite breaks the line. */
  draw(
    curve: Curve,
    { start, stop, low, high }: Pick<Picture, "start" | "stop" | "low" | "high">,
    weight: number,
    ink: Ink,
  ): void {
    const { x, y } = curve;
    const kx = (LINES * this.width) / (stop - start);
    const ky = this.height / (high - low);
    const radius = weight / 2;
    const [from, to] = visibleSlice(x, start, stop);
    let broken = true;
    let [px, py] = [0, 0];
    for (let i = from; i < to; i++) {
      let value = y[i] as number;
      if (!Number.isFinite(value)) {
        broken = true;
        continue;
      }
      let nx = ((x[i] as number) - start) * kx;
      if (nx < -FAR || nx > FAR) {
        nx = near(nx);
        value = onLine(curve, i, start + nx / kx);
      }
      const ny = near((high - value) * ky);
      if (broken) this.#ink(ink);
      else this.#stroke(px, py, nx, ny, radius);
      this.#dot(nx, ny, radius);
      broken = false;
      [px, py] = [nx, ny];
    }
    this.#ink(ink);
  }

  // What the pen covers is gathered line by line; x counts lines, y pixels.

  /** Adds the pen's disc at one point. */
  #dot(x: number, y: number, radius: number): void {
    const reach = radius * LINES;
    const tops = this.#tops;
    const bottoms = this.#bottoms;
    const from = Math.max(0, Math.ceil(x - reach - 0.5));
    const to = Math.min(tops.length, Math.floor(x + reach - 0.5) + 1);
    for (let i = from; i < to; i++) {
      const off = (i + 0.5 - x) / LINES;
      const half = Math.sqrt(Math.max(0, radius * radius - off * off));
      if (y - half < (tops[i] as number)) tops[i] = y - half;
      if (y + half > (bottoms[i] as number)) bottoms[i] = y + half;
    }
    if (from < this.#from) this.#from = from;
    if (to > this.#to) this.#to = to;
  }

  /** Adds the upper and the lower edge of a straight piece, without its round ends. */
  #stroke(x0: number, y0: number, x1: number, y1: number, radius: number): void {
    const across = (x1 - x0) / LINES;
    const down = y1 - y0;
    if (across <= 0) return; // its ends cover it
    const length = Math.sqrt(across * across + down * down);
    const slope = down / (x1 - x0);
    const rise = (radius * length) / across;
    const shift = ((radius * down) / length) * LINES;
    const lines = this.#tops.length;
    const tops = this.#tops;
    let from = Math.max(0, Math.ceil(x0 + shift - 0.5));
    let to = Math.min(lines, Math.floor(x1 + shift - 0.5) + 1);
    for (let i = from, y = y0 + (from + 0.5 - x0) * slope - rise; i < to; i++, y += slope) {
      if (y < (tops[i] as number)) tops[i] = y;
    }
    const bottoms = this.#bottoms;
    from = Math.max(0, Math.ceil(x0 - shift - 0.5));
    to = Math.min(lines, Math.floor(x1 - shift - 0.5) + 1);
    for (let i = from, y = y0 + (from + 0.5 - x0) * slope + rise; i < to; i++, y += slope) {
      if (y > (bottoms[i] as number)) bottoms[i] = y;
    }
  }

  /** Inks what has been gathered, and forgets it. */
  #ink(ink: Ink): void {
    if (this.#to <= this.#from) return;
    const first = Math.floor(this.#from / LINES);
    const last = Math.ceil(this.#to / LINES);
    for (let column = first; column < last; column++) this.#column(column, ink);
    this.#tops.fill(NOWHERE, this.#from, this.#to);
    this.#bottoms.fill(-NOWHERE, this.#from, this.#to);
    this.#from = this.#tops.length;
    this.#to = 0;
  }

  /** Inks one column of pixels, each as far as the column's lines cover it. */
  #column(column: number, ink: Ink): void {
    const { width, height } = this;
    const covers = this.#covers;
    const tops = this.#tops;
    const bottoms = this.#bottoms;
    let from = height;
    let to = 0;
    for (let i = LINES * column; i < LINES * (column + 1); i++) {
      const top = Math.max(0, tops[i] as number);
      const bottom = Math.min(height, bottoms[i] as number);
      if (bottom <= top) continue;
      // How much more of a row is covered than of the row above it.
      const first = top | 0;
      const last = bottom | 0;
      covers[first] += first + 1 - top;
      covers[first + 1] += top - first;
      covers[last] -= last + 1 - bottom;
      covers[last + 1] -= bottom - last;
      if (first < from) from = first;
      if (last >= to) to = last + 1;
    }
    const { alpha, rgb } = ink;
    const pixels = this.#pixels;
    const color = (alpha << 24) | rgb;
    const whole = alpha === 255 ? LINES - HARDLY : Number.POSITIVE_INFINITY;
    let covered = 0;
    for (let row = from, at = from * width + column; row < to; row++, at += width) {
      covered += covers[row] as number;
      covers[row] = 0;
      if (row === height) break;
      if (covered > whole) pixels[at] = color;
      else if (covered > HARDLY) {
        pixels[at] = over(rgb, (covered / LINES) * alpha, pixels[at] as number);
      }
    }
    covers[to] = 0;
  }
}

/** Ink of an opacity (0 to 255) over a pixel: "over" of Porter and Duff, not premultiplied. */
function over(rgb: number, alpha: number, under: number): number {
  if (under === 0) return ((alpha + 0.5) << 24) | rgb;
  const both = alpha + ((under >>> 24) * (255 - alpha)) / 255;
  const share = alpha / both;
  const [red, green, blue] = [under & 255, (under >>> 8) & 255, (under >>> 16) & 255];
  return (
    ((both + 0.5) << 24) |
    ((blue + ((rgb >>> 16) - blue) * share + 0.5) << 16) |
    ((green + (((rgb >>> 8) & 255) - green) * share + 0.5) << 8) |
    (red + ((rgb & 255) - red) * share + 0.5)
  );
}

function near(pixel: number): number {
  return Math.min(FAR, Math.max(-FAR, pixel));
}

/** The pixels of an area: as many as the screen has there. */
export function pixelsOf({ width, height }: Area, ratio: number): [number, number] {
  return [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
}
