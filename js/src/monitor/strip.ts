/** The performance strip: one line, which unfolds to figures with sparklines. Twice a second. */
import { element, ICONS, icon, setAttribute, setText } from "../controls/dom";
import type { Status } from "../data/status";
import type { Zone } from "../renderer/zone";
import { account, FIGURES, kept, reasons } from "./figures";
import { type Advise, Findings } from "./findings";
import { TimeLines } from "./timelines";

export class Strip {
  readonly el: HTMLElement;
  #details: HTMLDetailsElement;
  #limit = element("span", "lw-limit");
  #account = element("div", "lw-account");
  #kept = element("div", "lw-account");
  #reasons = element("div", "lw-account");
  #advice = element("div", "lw-account lw-advice");
  #brief: (HTMLElement | null)[];
  #lines: TimeLines;
  #findings: Findings | null;
  #last: Status | null = null;

  /** With `advise`, which does what a finding's button says, it shows findings, too. */
  constructor(advise: Advise | null, unfolded = false, zone?: () => Zone) {
    this.#lines = new TimeLines(zone);
    const brief = element("span", "lw-brief");
    this.#brief = FIGURES.map(({ label, title, compact }) => {
      if (!compact) return null;
      const now = element("b", "", {}, "–");
      brief.append(element("span", "lw-brief-item", { title }, `${label} `, now));
      return now;
    });
    const fold = icon(ICONS.fold);
    const summary = element("summary", "lw-summary", { title: "Performance" }, fold, brief);
    summary.append(this.#limit);
    this.#findings = advise && new Findings(advise);
    const found = this.#findings ? [this.#findings.el] : [];
    const rest = [this.#lines.el, this.#account, this.#kept, this.#reasons, this.#advice];
    this.#details = element("details", "lw-strip", {}, summary, ...found, ...rest);
    this.#details.open = unfolded;
    this.#details.addEventListener("toggle", () => this.#last && this.#unfold(this.#last));
    this.el = this.#details;
  }

  update(status: Status): void {
    this.#last = status;
    this.#lines.add(status, Date.now());
    FIGURES.forEach((figure, i) => {
      setText(this.#brief[i] ?? null, figure.text(status));
    });
    // A dashboard has the findings right above: what they say is not said again.
    const told =
      this.#findings === null && status.findings.some(({ text }) => text === status.limit);
    const limit = told ? "The last two minutes" : status.limit;
    setText(this.#limit, limit);
    setAttribute(this.#limit, "title", limit);
    if (this.#details.open) this.#unfold(status);
  }

  #unfold(status: Status): void {
    this.#lines.show();
    this.#findings?.update(status.findings, performance.now());
    setText(this.#account, account(status));
    setText(this.#kept, kept(status));
    setText(this.#reasons, reasons(status));
    setText(this.#advice, status.advice.join("\n"));
  }
}
