/** The last two minutes or so of a figure, kept in the browser. */
const KEPT = 120;

export class History {
  readonly values: number[] = [];

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
