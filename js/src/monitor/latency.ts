/** How long events took from arrival to the pixel: bars to read one by one, quantiles, a table. */
import { element, setAttribute, setText } from "../controls/dom";
import { short } from "../controls/numbers";
import type { Histogram } from "../data/status";
import { type Bar, barsOf, placeOf, quantile } from "./quantiles";
import { stepOf, take } from "./steps";

const SHARES: [string, number][] = [
  ["p50", 0.5],
  ["p95", 0.95],
  ["p99", 0.99],
];
const BARS_PX = 48;
/** Few bars do not become walls. */
const WIDEST_PX = 56;

const between = ({ from, to }: Bar) => `${short(from)} to ${short(to)} ms`;

export class Latency {
  readonly el = element("div", "lw-latency", { role: "group", "aria-label": "Latency" });
  #marks = SHARES.map(([name]) => element("span", "lw-quantile", { "data-name": name }));
  #rules = SHARES.map(() => element("span", "lw-quantile-rule"));
  #pad = element("div", "lw-bars", {
    role: "slider",
    tabindex: 0,
    "aria-label": "Latency, from bar to bar",
    "aria-valuemin": 1,
  });
  #picture = element("div", "lw-bars-picture");
  #first = element("span", "");
  #read = element("span", "lw-bars-read");
  #last = element("span", "");
  #table = element("table", "lw-bars-table");
  #details = element("details", "lw-bars-details", {}, element("summary", "", {}, "as a table"));
  #bars: Bar[] = [];
  #total = 0;
  /** Where the bar begins that is read, ms: the others may move. */
  #at: number | null = null;

  constructor() {
    const heading = element("h3", "lw-heading", {}, "Arrival to pixel, the last minute");
    const lines = element("div", "lw-quantile-rules", { "aria-hidden": "true" }, ...this.#rules);
    const scale = element("div", "lw-bars-scale", { "aria-hidden": "true" });
    scale.append(this.#first, this.#read, this.#last);
    this.#details.append(this.#table);
    this.#details.addEventListener("toggle", () => this.#tabulate());
    const marks = element("div", "lw-quantiles", {}, ...this.#marks);
    this.#picture.append(marks, this.#pad, lines, scale);
    this.el.append(heading, this.#picture, this.#details);
    this.#listen();
  }

  update(histogram: Histogram | null): void {
    const bars = histogram === null ? [] : barsOf(histogram);
    this.el.hidden = bars.length === 0;
    if (histogram === null || bars.length === 0) return;
    this.#bars = bars;
    this.#total = histogram.counts.reduce((sum, count) => sum + count, 0);
    this.#draw(bars);
    SHARES.forEach(([name, share], i) => {
      const value = quantile(histogram, share) ?? 0;
      const place = `${(100 * placeOf(bars, value)).toFixed(1)}%`;
      const [mark, rule] = [this.#marks[i], this.#rules[i]] as [HTMLElement, HTMLElement];
      setText(mark, `${name} ${short(value)} ms`);
      if (rule.style.getPropertyValue("--lw-place") === place) return;
      for (const each of [mark, rule]) each.style.setProperty("--lw-place", place);
    });
    setText(this.#first, `${short(bars[0]?.from ?? 0)} ms`);
    setText(this.#last, `${short(bars[bars.length - 1]?.to ?? 0)} ms`);
    this.#mark();
    if (document.activeElement !== this.#pad) this.#tell();
    this.#tabulate();
  }

  #draw(bars: Bar[]): void {
    const made = this.#pad.children;
    while (made.length > bars.length) made[made.length - 1]?.remove();
    while (made.length < bars.length) this.#pad.append(barOf());
    bars.forEach(({ count, height }, i) => {
      const tall = `${Math.max(count > 0 ? 2 : 0, Math.round(BARS_PX * height))}px`;
      const { style } = (made[i] as HTMLElement).firstElementChild as HTMLElement;
      if (style.height !== tall) style.height = tall;
    });
    const width = `${WIDEST_PX * bars.length}px`;
    if (this.#picture.style.maxWidth !== width) this.#picture.style.maxWidth = width;
  }

  #listen(): void {
    const pad = this.#pad;
    pad.addEventListener("pointermove", ({ target }) => {
      const place = [...pad.children].indexOf(target as Element);
      if (place >= 0) this.#go(place);
    });
    pad.addEventListener("pointerleave", () => document.activeElement !== pad && this.#go(null));
    pad.addEventListener("focus", () => {
      this.#go(this.#place ?? 0);
      this.#tell();
    });
    pad.addEventListener("blur", () => {
      this.#go(null);
      this.#tell();
    });
    pad.addEventListener("keydown", (event) => {
      const to = stepOf(event, this.#place ?? 0, this.#bars.length - 1);
      if (to === null) return;
      take(event);
      this.#go(to);
      this.#tell();
    });
  }

  /** Which bar is read. */
  get #place(): number | null {
    const at = this.#at;
    if (at === null) return null;
    const place = this.#bars.findIndex(({ from }) => from >= at);
    return place < 0 ? this.#bars.length - 1 : place;
  }

  #go(place: number | null): void {
    this.#at = place === null ? null : (this.#bars[place]?.from ?? null);
    this.#mark();
  }

  #mark(): void {
    const place = this.#place;
    [...this.#pad.children].forEach((bar, i) => {
      bar.classList.toggle("lw-read", i === place);
    });
    setText(this.#read, this.#said(place));
  }

  #said(place: number | null): string {
    const bar = place === null ? undefined : this.#bars[place];
    if (bar === undefined) return "";
    return `${between(bar)}: ${short(bar.count)} (${Math.round((100 * bar.count) / this.#total)} %)`;
  }

  /** Tells a screen reader the bar, or the quantiles where none is read. */
  #tell(): void {
    const place = this.#place;
    const all = this.#marks.map(({ textContent }) => textContent).join(", ");
    setAttribute(this.#pad, "aria-valuemax", String(this.#bars.length));
    setAttribute(this.#pad, "aria-valuenow", String((place ?? 0) + 1));
    setAttribute(this.#pad, "aria-valuetext", this.#said(place) || all);
  }

  #tabulate(): void {
    if (!this.#details.open) return;
    const rows = this.#table.rows;
    while (rows.length > this.#bars.length) this.#table.deleteRow(-1);
    while (rows.length < this.#bars.length) {
      this.#table.append(
        element("tr", "", {}, element("th", "", { scope: "row" }), element("td", "")),
      );
    }
    this.#bars.forEach((bar, i) => {
      const [range, count] = (rows[i] as HTMLTableRowElement).children;
      setText(range as HTMLElement, between(bar));
      setText(count as HTMLElement, String(bar.count));
    });
  }
}

/** A bar in a column: the pointer is on it above a short bar, too. */
function barOf(): HTMLElement {
  return element("span", "lw-column", {}, element("span", "lw-bar"));
}
