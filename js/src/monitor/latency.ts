/** How long events took from arrival to the pixel, as bars with p50, p95 and p99; and as a table. */
import { element } from "../controls/dom";
import { short } from "../controls/numbers";
import type { Histogram } from "../data/status";
import { barsOf, quantile } from "./quantiles";

const SHARES: [string, number][] = [
  ["p50", 0.5],
  ["p95", 0.95],
  ["p99", 0.99],
];

const between = (from: number, to: number) => `${short(from)} to ${short(to)} ms`;

export class Latency {
  readonly el = element("section", "lw-latency", { "aria-label": "Latency" });
  #marks = element("p", "lw-latency-marks");
  #bars = element("div", "lw-bars", { "aria-hidden": "true" });
  #scale = element("div", "lw-bars-scale", { "aria-hidden": "true" });
  #table = element("table", "lw-bars-table");
  #details = element("details", "lw-bars-details", {}, element("summary", "", {}, "as a table"));

  constructor() {
    const heading = element("h3", "lw-heading", {}, "Arrival to pixel, the last minute");
    this.#details.append(this.#table);
    this.el.append(heading, this.#marks, this.#bars, this.#scale, this.#details);
  }

  update(histogram: Histogram | null): void {
    const bars = histogram === null ? [] : barsOf(histogram);
    this.el.hidden = bars.length === 0;
    if (histogram === null || bars.length === 0) return;
    const told = SHARES.map(([name, share]) => `${name} ${short(quantile(histogram, share))} ms`);
    this.#marks.textContent = told.join(" · ");
    this.#bars.replaceChildren(
      ...bars.map(({ from, to, count, height }) => {
        const title = `${between(from, to)}: ${short(count)}`;
        const bar = element("span", "lw-bar", { title });
        bar.style.height = `${Math.max(count > 0 ? 2 : 0, Math.round(48 * height))}px`;
        return bar;
      }),
    );
    const [first, last] = [bars[0], bars[bars.length - 1]];
    this.#scale.replaceChildren(
      element("span", "", {}, `${short(first?.from ?? 0)} ms`),
      element("span", "", {}, `${short(last?.to ?? 0)} ms`),
    );
    if (!this.#details.open) return;
    this.#table.replaceChildren(
      ...bars.map(({ from, to, count }) =>
        element(
          "tr",
          "",
          {},
          element("th", "", { scope: "row" }, between(from, to)),
          element("td", "", {}, String(count)),
        ),
      ),
    );
  }
}
