/** The crosshair and the readout: the time under the pointer and each series' nearest point. */
import { sentence, sign } from "../alerts/words";
import { type Reading, readingsAt } from "../chart/items";
import type { ChartRuntime } from "../chart/runtime";
import { type Alert, byWeight } from "../data/alert";
import type { Area } from "../renderer/base";
import { epochMs } from "../renderer/bqplot-plot";
import { fullTime } from "../renderer/ticks";
import type { Zone } from "../renderer/zone";
import { element } from "./dom";
import { brief, exact } from "./numbers";
import { swatch } from "./swatch";

const GAP_PX = 14;
/** So near to a marker or to an alert's rule the pointer is on it. */
const NEAR_PX = 8;
const MOST_ALERTS = 3;

export class Hover {
  readonly el = element("div", "lw-hover", { "aria-hidden": "true" });
  #line = element("div", "lw-crosshair");
  #box = element("div", "lw-readout");
  #x: number | null = null;

  constructor(
    private runtime: ChartRuntime,
    private area: () => Area,
    private zone: () => Zone,
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
    const hidden = this.#x === null || !known || area.width <= 0;
    if (this.el.hidden !== hidden) this.el.hidden = hidden;
    if (this.#x === null || hidden) return;
    const at = start + (this.#x / area.width) * (stop - start);
    const reach = (NEAR_PX / area.width) * (stop - start);
    const readings = readingsAt(this.runtime, at, reach);
    const nearest = readings.reduce((best, each) => closer(at, each.x, best), Number.NaN);
    const shown = Number.isNaN(nearest) ? at : nearest;
    const pixel = ((shown - start) / (stop - start)) * area.width;
    this.#line.style.transform = `translateX(${Math.min(area.width, Math.max(0, pixel))}px)`;
    const alerts = this.#alerts(at, reach);
    this.#box.replaceChildren(this.#time(shown), ...readings.map(rowOf), ...alerts);
    this.#place(area);
  }

  #time(offset: number): HTMLElement {
    const { origin, start, stop } = this.runtime.viewport;
    const ms = epochMs({ origin }, offset);
    const fine = stop - start < 1e9 ? 0.001 : 1;
    return element("div", "lw-time", {}, fullTime(ms, this.zone(), fine));
  }

  /** The alerts whose rule is under the pointer. */
  #alerts(at: number, reach: number): HTMLElement[] {
    const { alerts, viewport } = this.runtime;
    const near = ({ since, state }: Alert) =>
      state !== "pending" && Math.abs(Number(since - viewport.origin) - at) <= reach;
    return (alerts ?? [])
      .filter(near)
      .sort(byWeight)
      .slice(0, MOST_ALERTS)
      .map((alert) => {
        const text = element("span", "lw-name", {}, sentence(alert, this.zone()));
        return element("div", "lw-row lw-row-alert", {}, sign(alert.priority), text);
      });
  }

  #place(area: Area): void {
    const x = this.#x as number;
    const right = x + GAP_PX + this.#box.offsetWidth > area.width;
    const left = right ? Math.max(0, x - GAP_PX - this.#box.offsetWidth) : x + GAP_PX;
    this.#box.style.transform = `translate(${left}px, 8px)`;
  }
}

/** What is measured is told exactly; what was made of it, as fine as a person reads. */
function rowOf({ name, look, y, bands }: Reading): HTMLElement {
  const text = look.shape === "line" ? exact(y) : brief(y);
  const value = element("span", "lw-value", {}, text);
  for (const [low, high] of bands) {
    value.append(element("span", "lw-edges", {}, ` ${brief(low)} … ${brief(high)}`));
  }
  return element("div", "lw-row", {}, swatch(look), element("span", "lw-name", {}, name), value);
}

function closer(at: number, x: number, best: number): number {
  return Number.isNaN(best) || Math.abs(x - at) < Math.abs(best - at) ? x : best;
}
