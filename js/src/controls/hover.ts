/** The crosshair and the readout: the time under the pointer and each series' nearest point. */
import type { ChartRuntime } from "../chart/runtime";
import type { Area } from "../renderer/base";
import { epochMs } from "../renderer/bqplot-plot";
import { colorAt } from "../renderer/palette";
import { lowerBound } from "../renderer/path";
import { fullTime } from "../renderer/ticks";
import type { Zone } from "../renderer/zone";
import { element } from "./dom";
import { exact } from "./numbers";

const GAP_PX = 14;

export class Hover {
  readonly el = element("div", "lw-hover", { "aria-hidden": "true" });
  #line = element("div", "lw-crosshair");
  #box = element("div", "lw-readout");
  #x: number | null = null;

  constructor(
    private runtime: ChartRuntime,
    private area: () => Area,
    private zone: () => Zone,
    private colors: () => string[],
  ) {
    this.el.append(this.#line, this.#box);
    this.el.hidden = true;
  }

  /** The pointer is at `x` pixels from the plot area's left; null when it has gone. */
  move(x: number | null): void {
    this.#x = x;
    this.refresh();
  }

  /** Reads the values afresh: the data moves under a pointer that rests. */
  refresh(): void {
    const { start, stop, known } = this.runtime.viewport;
    const area = this.area();
    this.el.hidden = this.#x === null || !known || area.width <= 0;
    if (this.#x === null || this.el.hidden) return;
    const at = start + (this.#x / area.width) * (stop - start);
    const rows = this.#rows(at);
    const nearest = rows.reduce((best, row) => closer(at, row.x, best), Number.NaN);
    const shown = Number.isNaN(nearest) ? at : nearest;
    const pixel = ((shown - start) / (stop - start)) * area.width;
    this.#line.style.transform = `translateX(${Math.min(area.width, Math.max(0, pixel))}px)`;
    this.#box.replaceChildren(this.#time(shown), ...rows.map((row) => row.el));
    this.#place(area);
  }

  #time(offset: number): HTMLElement {
    const { origin, start, stop } = this.runtime.viewport;
    const ms = epochMs({ origin, start, stop, curves: [], low: 0, high: 1 }, offset);
    const fine = stop - start < 1e9 ? 0.001 : 1;
    return element("div", "lw-time", {}, fullTime(ms, this.zone(), fine));
  }

  #rows(at: number): { x: number; el: HTMLElement }[] {
    return this.runtime.store.series.flatMap(({ name, track }, i) => {
      if (this.runtime.isHidden(name) || track.length === 0) return [];
      const index = nearestIndex(track.x, at);
      const swatch = element("span", "lw-swatch");
      swatch.style.background = colorAt(this.colors(), i);
      const value = element("span", "lw-value", {}, exact(track.y[index] as number));
      const el = element("div", "lw-row", {}, swatch, element("span", "lw-name", {}, name), value);
      return [{ x: track.x[index] as number, el }];
    });
  }

  #place(area: Area): void {
    const x = this.#x as number;
    const right = x + GAP_PX + this.#box.offsetWidth > area.width;
    const left = right ? Math.max(0, x - GAP_PX - this.#box.offsetWidth) : x + GAP_PX;
    this.#box.style.transform = `translate(${left}px, 8px)`;
  }
}

function nearestIndex(x: Float64Array, at: number): number {
  const next = Math.min(lowerBound(x, at), x.length - 1);
  if (next === 0) return 0;
  return at - (x[next - 1] as number) <= (x[next] as number) - at ? next - 1 : next;
}

function closer(at: number, x: number, best: number): number {
  return Number.isNaN(best) || Math.abs(x - at) < Math.abs(best - at) ? x : best;
}
