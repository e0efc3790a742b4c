/** Bands and markers as SVG path data, straight from typed arrays. */
import type { Area, Curve, Picture } from "./base";
import { clip, onLine, visibleSlice } from "./path";

const DOT_PX = 2.5;
const RING_PX = 4.5;
const DIAMOND_PX = 5.5;

/** Calls `point` with each finite point in sight, in pixels of `area`. */
function eachPoint(
  { x, y }: Curve,
  { start, stop, low, high }: Picture,
  area: Area,
  point: (px: number, py: number) => void,
): void {
  const kx = (area.width / (stop - start)) * 10;
  const ky = (area.height / (high - low)) * 10;
  const [from, to] = visibleSlice(x, start, stop);
  for (let i = from; i < to; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) continue;
    const px = Math.round(((x[i] as number) - start) * kx) / 10;
    point(clip(px), clip(Math.round((high - value) * ky) / 10));
  }
}

function circles(curve: Curve, picture: Picture, area: Area, radius: number): string {
  const arc = `a${radius},${radius} 0 1,0 `;
  let path = "";
  eachPoint(curve, picture, area, (px, py) => {
    path += `M${px - radius},${py}${arc}${2 * radius},0${arc}${-2 * radius},0z`;
  });
  return path;
}

export function dotsOf(curve: Curve, picture: Picture, area: Area): string {
  return circles(curve, picture, area, DOT_PX);
}

export function ringsOf(curve: Curve, picture: Picture, area: Area): string {
  return circles(curve, picture, area, RING_PX);
}

export function diamondsOf(curve: Curve, picture: Picture, area: Area): string {
  const r = DIAMOND_PX;
  let path = "";
  eachPoint(curve, picture, area, (px, py) => {
    path += `M${px - r},${py}l${r},${-r} ${r},${r} ${-r},${r}z`;
  });
  return path;
}

/** A stretch of finite points: the indices [from, to). */
type Run = [number, number];

function runs({ x, y }: Curve, { start, stop }: Picture): Run[] {
  const [from, to] = visibleSlice(x, start, stop);
  const found: Run[] = [];
  let began = -1;
  for (let i = from; i < to; i++) {
    const finite = Number.isFinite(y[i]);
    if (finite && began < 0) began = i;
    if (!finite && began >= 0) found.push([began, i]);
    if (!finite) began = -1;
  }
  if (began >= 0) found.push([began, to]);
  return found;
}

/**
 * The area between two curves. Each has points of its own, at times of its own: a stretch of the one
 * is joined with the stretches of the other that lie beside it in time, and none bridges a break.
 */
export function bandOf(lower: Curve, upper: Curve, picture: Picture, area: Area): string {
  const below = runs(lower, picture);
  const above = runs(upper, picture);
  // A bucket's least and greatest lie at different times: an end is cut only where breaks differ.
  const whole = breakTogether(lower, below, upper, above);
  let path = "";
  for (let i = 0, j = 0; i < below.length && j < above.length; ) {
    const [lows, highs] = [below[i] as Run, above[j] as Run];
    const end = [lower.x[lows[1] - 1] as number, upper.x[highs[1] - 1] as number] as const;
    const begin = Math.max(lower.x[lows[0]] as number, upper.x[highs[0]] as number);
    const stop = Math.min(...end);
    if (whole || begin <= stop) {
      const edges = whole ? ([-Infinity, Infinity] as const) : ([begin, stop] as const);
      const there = side(upper, highs, edges, picture, area, 1);
      const back = side(lower, lows, edges, picture, area, -1);
      if (there !== "" && back !== "") path += `${there}${back.replace("M", "L")}z`;
    }
    if (whole || end[0] <= end[1]) i += 1;
    if (whole || end[1] <= end[0]) j += 1;
  }
  return path;
}

/** Says whether each break of the one is a break of the other: then their runs belong together. */
function breakTogether(lower: Curve, below: Run[], upper: Curve, above: Run[]): boolean {
  if (below.length !== above.length) return false;
  for (let i = 1; i < below.length; i++) {
    const [lows, highs] = [below[i - 1] as Run, above[i - 1] as Run];
    const [nextLows, nextHighs] = [below[i] as Run, above[i] as Run];
    const end = Math.max(lower.x[lows[1] - 1] as number, upper.x[highs[1] - 1] as number);
    const next = Math.min(lower.x[nextLows[0]] as number, upper.x[nextHighs[0]] as number);
    if (end > next) return false;
  }
  return true;
}

function side(
  curve: Curve,
  [from, to]: Run,
  [begin, end]: readonly [number, number],
  { start, stop, low, high }: Picture,
  area: Area,
  step: 1 | -1,
): string {
  const kx = (area.width / (stop - start)) * 10;
  const ky = (area.height / (high - low)) * 10;
  let path = "";
  for (let i = step > 0 ? from : to - 1; i >= from && i < to; i += step) {
    const at = curve.x[i] as number;
    if (at < begin || at > end) continue;
    const px = Math.round((at - start) * kx) / 10;
    const near = clip(px);
    const value = near === px ? (curve.y[i] as number) : onLine(curve, i, start + (near * 10) / kx);
    const py = clip(Math.round((high - value) * ky) / 10);
    path += `${path === "" ? "M" : " "}${near},${py}`;
  }
  return path;
}
