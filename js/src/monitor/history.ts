/** The last two minutes of a figure, kept in the browser. */
import { short } from "../controls/numbers";

const KEPT = 240;

export class History {
  readonly values: number[] = [];

  /** The least and the greatest of them, in words. */
  get text(): string {
    const known = this.values.filter(Number.isFinite);
    if (known.length === 0) return "nothing known yet";
    return `${short(Math.min(...known))} to ${short(Math.max(...known))} over two minutes`;
  }

  add(value: number | null): void {
    this.values.push(value ?? Number.NaN);
    if (this.values.length > KEPT) this.values.shift();
  }
}

/** `values` as svg path data in a box of `width` by `height`, newest at the right, from zero up. */
export function sparkline(values: number[], width: number, height: number): string {
  const top = Math.max(...values.filter(Number.isFinite), 1e-9);
  const step = width / (KEPT - 1);
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) {
      pen = "M";
      return;
    }
    const x = width - (values.length - 1 - i) * step;
    path += `${pen}${x.toFixed(1)},${(height - (value / top) * (height - 1)).toFixed(1)}`;
    pen = "L";
  });
  return path;
}
