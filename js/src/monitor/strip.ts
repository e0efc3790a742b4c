/** The performance strip: one line, which unfolds to figures with sparklines. Twice a second. */
import { element, ICONS, icon } from "../controls/dom";
import type { Status } from "../data/status";
import { account, FIGURES, kept, reasons } from "./figures";
import { type Advise, Findings } from "./findings";
import { History, sparkline } from "./history";

const WIDTH = 96;
const HEIGHT = 20;
const SVG = "http://www.w3.org/2000/svg";

interface Cell {
  history: History;
  brief: HTMLElement | null;
  value: HTMLElement;
  line: SVGPathElement;
  spark: SVGSVGElement;
}

export class Strip {
  readonly el: HTMLElement;
  #details: HTMLDetailsElement;
  #limit = element("span", "lw-limit");
  #account = element("div", "lw-account");
  #kept = element("div", "lw-account");
  #reasons = element("div", "lw-account");
  #advice = element("div", "lw-account lw-advice");
  #cells: Cell[] = [];
  #findings: Findings | null;
  #last: Status | null = null;

  /** With `advise`, which does what a finding's button says, it shows findings, too. */
  constructor(advise: Advise | null, unfolded = false) {
    const brief = element("span", "lw-brief");
    const grid = element("div", "lw-grid");
    for (const figure of FIGURES) {
      const value = element("span", "lw-figure-value", {}, "–");
      const now = figure.compact ? element("b", "", {}, "–") : null;
      if (now) {
        const title = { title: figure.title };
        brief.append(element("span", "lw-brief-item", title, `${figure.label} `, now));
      }
      const line = document.createElementNS(SVG, "path");
      const label = element("span", "lw-figure-label", {}, figure.label);
      const svg = spark(line);
      grid.append(element("div", "lw-figure", { title: figure.title }, label, value, svg));
      this.#cells.push({ history: new History(), brief: now, value, line, spark: svg });
    }
    const fold = icon(ICONS.fold);
    const summary = element("summary", "lw-summary", { title: "Performance" }, fold, brief);
    summary.append(this.#limit);
    this.#findings = advise && new Findings(advise);
    const found = this.#findings ? [this.#findings.el] : [];
    const lines = [this.#account, this.#kept, this.#reasons, this.#advice];
    this.#details = element("details", "lw-strip", {}, summary, ...found, grid, ...lines);
    this.#details.open = unfolded;
    this.#details.addEventListener("toggle", () => this.#last && this.#unfold(this.#last));
    this.el = this.#details;
  }

  update(status: Status): void {
    this.#last = status;
    FIGURES.forEach((figure, i) => {
      const cell = this.#cells[i] as Cell;
      cell.history.add(figure.value(status));
      setText(cell.brief, figure.text(status));
    });
    setText(this.#limit, status.limit);
    this.#limit.title = status.limit;
    if (this.#details.open) this.#unfold(status);
  }

  #unfold(status: Status): void {
    FIGURES.forEach((figure, i) => {
      const cell = this.#cells[i] as Cell;
      setText(cell.value, figure.text(status));
      cell.line.setAttribute("d", sparkline(cell.history.values, WIDTH, HEIGHT));
      cell.spark.setAttribute("aria-label", `${figure.label}: ${cell.history.text}`);
    });
    this.#findings?.update(status.findings, performance.now());
    setText(this.#account, account(status));
    setText(this.#kept, kept(status));
    setText(this.#reasons, reasons(status));
    setText(this.#advice, status.advice.join("\n"));
  }
}

function spark(path: SVGPathElement): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "lw-spark");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.append(path);
  return svg;
}

function setText(target: HTMLElement | null, text: string): void {
  if (target !== null && target.textContent !== text) target.textContent = text;
}
