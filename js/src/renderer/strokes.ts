/** A curve as strokes on a canvas, straight from typed arrays: only what is in sight, in one path. */
import type { Area, Curve, Picture } from "./base";
import { clip, visibleSlice } from "./path";

/** What is drawn on: a canvas' context, or what a test puts in its place. */
export type Pen = Pick<CanvasRenderingContext2D, "moveTo" | "lineTo">;

/** So many points a pixel column and more are drawn as its first, least, greatest and last. */
const DENSE = 6;
/** What a point that stands alone is drawn with: some browsers give a line of no length no cap. */
const HAIR_PX = 0.01;

/** Adds `curve` to the pen's path, in pixels of `area`. A y that is not finite breaks the line. */
export function strokeOf(pen: Pen, curve: Curve, picture: Picture, area: Area): void {
  const [from, to] = visibleSlice(curve.x, picture.start, picture.stop);
  if (to - from > DENSE * area.width) columns(pen, curve, picture, area, from, to);
  else points(pen, curve, picture, area, from, to);
}

function points(
  pen: Pen,
  { x, y }: Curve,
  { start, stop, low, high }: Picture,
  area: Area,
  from: number,
  to: number,
): void {
  const kx = area.width / (stop - start);
  const ky = area.height / (high - low);
  let run = 0;
  let px = 0;
  let py = 0;
  for (let i = from; i < to; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) {
      if (run === 1) pen.lineTo(px + HAIR_PX, py);
      run = 0;
      continue;
    }
    px = clip(((x[i] as number) - start) * kx);
    py = clip((high - value) * ky);
    if (run === 0) pen.moveTo(px, py);
    else pen.lineTo(px, py);
    run += 1;
  }
  if (run === 1) pen.lineTo(px + HAIR_PX, py);
}

/** The same for many points a pixel: what lies within one column is one upright line. */
function columns(
  pen: Pen,
  { x, y }: Curve,
  { start, stop, low, high }: Picture,
  area: Area,
  from: number,
  to: number,
): void {
  const kx = area.width / (stop - start);
  const ky = area.height / (high - low);
  let column = Number.NaN;
  let [px, least, greatest, last] = [0, 0, 0, 0];
  const close = () => {
    if (Number.isNaN(column)) return;
    if (greatest > least) {
      pen.lineTo(px, least);
      pen.lineTo(px, greatest);
    }
    pen.lineTo(px + HAIR_PX, last);
  };
  for (let i = from; i < to; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) {
      close();
      column = Number.NaN;
      continue;
    }
    const at = clip(((x[i] as number) - start) * kx);
    const py = clip((high - value) * ky);
    if (Math.floor(at) !== column) {
      close();
      if (Number.isNaN(column)) pen.moveTo(at, py);
      else pen.lineTo(at, py);
      [column, px, least, greatest] = [Math.floor(at), at, py, py];
    }
    if (py < least) least = py;
    if (py > greatest) greatest = py;
    last = py;
  }
  close();
}
