/** The time line of one figure: its name, a value, and the line with a marker that can be read. */
import { element, setAttribute, setText } from "../controls/dom";
import type { Status } from "../data/status";
import type { Figure } from "./figures";
import { HIGH, History, LAST } from "./history";

const SVG = "http://www.w3.org/2000/svg";

export class TimeLine {
  readonly el: HTMLElement;
  /** What pointer and keyboard are on. Its place is counted from the left, in samples. */
  readonly pad = element("div", "lw-pad", {
    role: "slider",
    tabindex: -1,
    "aria-valuemin": 0,
    "aria-valuemax": LAST,
    "aria-valuenow": LAST,
  });
  readonly head = element("span", "lw-figure-head");
  #history = new History();
  #value = element("span", "lw-figure-value", {}, "–");
  #line = path("lw-spark-line");
  #rule = path("lw-spark-rule");
  #point = path("lw-spark-point");

  constructor(readonly figure: Figure) {
    const { label, title } = figure;
    const svg = document.createElementNS(SVG, "svg");
    const looks = { class: "lw-spark", preserveAspectRatio: "none", "aria-hidden": "true" };
    const all = { ...looks, viewBox: `0 0 ${LAST} ${HIGH}` };
    for (const [name, value] of Object.entries(all)) svg.setAttribute(name, value);
    svg.append(this.#line, this.#rule, this.#point);
    this.pad.setAttribute("aria-label", `${label}, the last two minutes`);
    this.pad.append(svg);
    this.head.append(element("span", "lw-figure-label", { title }, label));
    this.el = element("div", "lw-figure", {}, this.head, this.#value, this.pad);
  }

  add(status: Status): void {
    this.#history.add(this.figure.value(status));
  }

  /** What it says of the moment `back` samples ago. */
  said(back: number): string {
    const value = this.#history.before(back);
    return value === null ? "–" : this.figure.say(value);
  }

  /** Shows the line, and the moment `back` samples ago; the newest where that is null. */
  show(status: Status, back: number | null): void {
    setAttribute(this.#line, "d", this.#history.line());
    this.mark(status, back);
  }

  mark(status: Status, back: number | null): void {
    setText(this.#value, back === null ? this.figure.text(status) : this.said(back));
    setAttribute(this.#rule, "d", back === null ? "" : `M${LAST - back},0V${HIGH}`);
    setAttribute(this.#point, "d", back === null ? "" : this.#history.point(back));
  }

  /** Tells a screen reader the moment at `time`, or all of it where no moment is read. */
  tell(back: number | null, time: string): void {
    const { say } = this.figure;
    const all = back === null;
    setAttribute(this.pad, "aria-valuenow", String(LAST - (back ?? 0)));
    const text = all ? this.#history.text(say) : `${time}: ${this.said(back)}`;
    setAttribute(this.pad, "aria-valuetext", text);
  }
}

function path(name: string): SVGPathElement {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", name);
  return made;
}
