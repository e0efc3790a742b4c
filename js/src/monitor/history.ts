/** The last two minutes of a figure, kept in the browser. */

/** Samples: the status comes twice a second. */
export const KEPT = 240;

/** The picture of them, in units that are stretched to the room there is. */
export const LAST = KEPT - 1;
export const HIGH = 100;

export class History {
  readonly values: number[] = [];

  add(value: number | null): void {
    this.values.push(value ?? Number.NaN);
    if (this.values.length > KEPT) this.values.shift();
  }

  /** The value so many samples before the newest; null where it is not known. */
  before(back: number): number | null {
    const value = this.values[this.values.length - 1 - back];
    return value !== undefined && Number.isFinite(value) ? value : null;
  }

  /** The least and the greatest, as `say` puts a value. */
  text(say: (value: number) => string): string {
    const known = this.values.filter(Number.isFinite);
    if (known.length === 0) return "nothing known yet";
    return `${say(Math.min(...known))} to ${say(Math.max(...known))} over two minutes`;
  }

  /** The line as svg path data: a unit wide a sample, newest at `LAST`; `HIGH` units from zero up. */
  line(): string {
    const newest = this.values.length - 1;
    const top = this.#top();
    let path = "";
    let pen = "M";
    this.values.forEach((value, i) => {
      if (!Number.isFinite(value)) {
        pen = "M";
        return;
      }
      path += `${pen}${LAST - newest + i},${yOf(value, top)}`;
      pen = "L";
    });
    return path;
  }

  /** The point on that line so many samples before the newest; nothing where it has none. */
  point(back: number): string {
    const value = this.before(back);
    return value === null ? "" : `M${LAST - back},${yOf(value, this.#top())}h0`;
  }

  #top(): number {
    return Math.max(...this.values.filter(Number.isFinite), 1e-9);
  }
}

/** A little is left above the highest point, for half of the pen. */
function yOf(value: number, top: number): number {
  return Math.round(HIGH - (value / top) * (HIGH - 5));
}
