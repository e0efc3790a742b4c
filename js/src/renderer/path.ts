/** Writes a curve as SVG path data, straight from typed arrays. */
import type { Area, Curve, Picture } from "./base";

/** Beyond this many pixels nothing is seen, and some rasterisers overflow. */
const FAR = 20_000;

/** The first index of sorted `x` whose value is not below `value`. */
export function lowerBound(x: Float64Array, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((x[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The points within the range and one neighbour on each side, as [from, to). */
export function visibleSlice(x: Float64Array, start: number, stop: number): [number, number] {
  const from = Math.max(0, lowerBound(x, start) - 1);
  let to = lowerBound(x, stop);
  while (to < x.length && x[to] === stop) to++;
  return [from, Math.min(x.length, to + 1)];
}

/**
 * `curve` within `area` as path data, rounded to a tenth of a pixel. A y that is not finite breaks
 * the line; a point that stands alone becomes a dot (by the round cap of a line of no length).
 */
export function pathOf(curve: Curve, picture: Picture, area: Area): string {
  const { x, y } = curve;
  const { start, stop, low, high } = picture;
  const kx = (area.width / (stop - start)) * 10;
  const ky = (area.height / (high - low)) * 10;
  const [from, to] = visibleSlice(x, start, stop);
  const beside = FAR * 10;
  let path = "";
  let pen = 0;
  for (let i = from; i < to; i++) {
    let value = y[i] as number;
    if (!Number.isFinite(value)) {
      if (pen === 1) path += "h0";
      pen = 0;
      continue;
    }
    let at = ((x[i] as number) - start) * kx;
    if (at < -beside || at > beside) {
      at = at < 0 ? -beside : beside;
      value = onLine(curve, i, start + at / kx);
    }
    const px = Math.round(at) / 10;
    const py = Math.round((high - value) * ky) / 10;
    path += `${pen === 0 ? "M" : pen === 1 ? "L" : " "}${clip(px)},${clip(py)}`;
    pen = pen === 0 ? 1 : 2;
  }
  return pen === 1 ? `${path}h0` : path;
}

/**
 * The y at the time `at` of the line from point `i` to the next one on that side: what lies too far
 * beside a picture is put nearer, on the line that leads in. That of the point where there is no line.
 */
export function onLine({ x, y }: Curve, i: number, at: number): number {
  const [x0, y0] = [x[i] as number, y[i] as number];
  const next = at > x0 ? i + 1 : i - 1;
  const share = (at - x0) / ((x[next] as number) - x0);
  const value = y0 + share * ((y[next] as number) - y0);
  return Number.isFinite(value) ? value : y0;
}

export function clip(pixel: number): number {
  return Math.min(FAR, Math.max(-FAR, pixel));
}
