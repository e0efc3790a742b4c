/** What there is to know and to do: findings with their buttons, and what was decided lately. */
import type { Announcer } from "../controls/announce";
import { element } from "../controls/dom";
import type { Decision, FindingStatus, QualityStatus } from "../data/status";
import { timeOfDay } from "../renderer/ticks";
import { LOCAL } from "../renderer/zone";

/** A finding is told to screen readers once, and no more than one in so long. */
const PACE_MS = 10_000;
const SIGNS: Record<string, string> = { info: "●", warning: "▲", critical: "■" };
/** What can be taken back. */
const DONE = new Set(["applied", "helped"]);

const named = ({ id, status }: FindingStatus) => `${id} ${status}`;

export type Advise = (action: "apply" | "undo", finding: string) => void;

export class Findings {
  readonly el = element("div", "lw-findings", { role: "group", "aria-label": "Findings" });
  #list = element("ul", "lw-finding-list", { tabindex: -1 });
  #told = new Set<string>();
  #toldAt = Number.NEGATIVE_INFINITY;
  #shown = "";

  constructor(
    private advise: Advise,
    private announcer: Announcer | null = null,
  ) {
    this.el.append(this.#list);
  }

  update(findings: FindingStatus[], now: number): void {
    this.el.hidden = findings.length === 0;
    this.#announce(findings, now);
    const shown = JSON.stringify(findings.map((f) => [f.id, f.level, f.text, f.action, f.status]));
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = (document.activeElement as HTMLElement | null)?.dataset?.finding;
    this.#list.replaceChildren(...findings.map((finding) => this.#line(finding)));
    if (focused === undefined) return;
    // Where the button is gone, whoever pressed it stays in the list.
    const buttons = [...this.#list.querySelectorAll<HTMLElement>("[data-finding]")];
    (buttons.find((each) => each.dataset.finding === focused) ?? this.#list).focus();
  }

  #line({ id, level, text, action, status }: FindingStatus): HTMLElement {
    const sign = element("span", `lw-sign lw-${level}`, { role: "img", "aria-label": level });
    sign.textContent = SIGNS[level] ?? "●";
    const line = element("li", `lw-finding lw-${level}`, {}, sign);
    line.append(element("span", "lw-finding-text", {}, text));
    const undo = DONE.has(status);
    if (status !== "open") line.append(element("span", "lw-finding-status", {}, status));
    if (undo || (action && status !== "taken back")) {
      const name = undo ? "Take back" : (action as string);
      const button = element("button", "lw-action", { type: "button", "data-finding": id }, name);
      button.addEventListener("click", () => this.advise(undo ? "undo" : "apply", id));
      line.append(button);
    }
    return line;
  }

  #announce(findings: FindingStatus[], now: number): void {
    // What is over may come again, and is then told again; so is what came of a button.
    const there = new Set(findings.map(named));
    this.#told = new Set([...this.#told].filter((name) => there.has(name)));
    const fresh = findings.find((each) => each.level !== "info" && !this.#told.has(named(each)));
    if (fresh === undefined || now - this.#toldAt < PACE_MS) return;
    this.#told.add(named(fresh));
    this.#toldAt = now;
    this.announcer?.say(fresh.status === "open" ? fresh.text : `${fresh.status}: ${fresh.text}`);
  }
}

export class Decisions {
  readonly el = element("div", "lw-decisions", { role: "group", "aria-label": "Quality" });
  #now = element("p", "lw-quality");
  /** It scrolls where there are many: a keyboard gets there, and its keys are not JupyterLab's. */
  #list = element("ol", "lw-decision-list", {
    tabindex: 0,
    "aria-label": "What was decided, newest first",
    "data-lm-suppress-shortcuts": "true",
  });
  #shown = "";

  constructor() {
    const heading = element("h3", "lw-heading", {}, "Quality");
    this.el.append(heading, this.#now, this.#list);
  }

  update(quality: QualityStatus | null, decisions: Decision[]): void {
    this.el.hidden = quality === null;
    if (quality === null) return;
    const shown = JSON.stringify([quality, decisions]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { mode, level, levels, reason, setting } = quality;
    const steps = level === 0 ? "the best" : `${level} of ${levels - 1} steps below the best`;
    const parts = [`${mode}: ${steps}`, setting, reason].filter((each) => each);
    this.#now.textContent = parts.join(" · ");
    this.#list.replaceChildren(
      ...decisions.map(({ time, text }) => {
        const at = timeOfDay(Number(BigInt(time) / 1_000_000n), LOCAL);
        return element("li", "", {}, element("time", "", {}, at), ` ${text}`);
      }),
    );
  }
}
