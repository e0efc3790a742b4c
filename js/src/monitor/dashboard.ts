/** The dashboard of one subject: its stages, findings, latency, quality and time lines. */
import { Announcer } from "../controls/announce";
import { element } from "../controls/dom";
import type { Status } from "../data/status";
import { type Advise, Decisions, Findings } from "./findings";
import { Flow } from "./flow";
import { Latency } from "./latency";
import { Strip } from "./strip";

export class Dashboard {
  readonly el: HTMLElement;
  #flow = new Flow();
  #findings: Findings;
  #latency = new Latency();
  #decisions = new Decisions();
  #strip = new Strip(null, true);

  /** `advise` does what a finding's button says. */
  constructor(advise: Advise, signal: AbortSignal) {
    const announcer = new Announcer(signal);
    this.#findings = new Findings(advise, announcer);
    const beside = element("div", "lw-beside", {}, this.#latency.el, this.#decisions.el);
    const parts = [this.#flow.el, this.#findings.el, this.#strip.el, beside, announcer.el];
    this.el = element("div", "lw-dashboard", {}, ...parts);
  }

  update(status: Status): void {
    this.#flow.update(status.stages);
    this.#findings.update(status.findings, performance.now());
    this.#latency.update(status.histogram);
    this.#decisions.update(status.quality, status.decisions);
    this.#strip.update(status);
  }
}
