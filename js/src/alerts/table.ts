/** The rows of the alert panel: made once for each alert, then changed in place. */
import { element } from "../controls/dom";
import type { Alert } from "../data/alert";
import type { Zone } from "../renderer/zone";
import { action, sign, subject, when } from "./words";

export type Act = (name: "acknowledge" | "silence" | "unsilence", alert: Alert) => void;

const HEADS = ["Priority", "Alert", "State", "Since", "Actions"];

interface Row {
  el: HTMLTableRowElement;
  shown: string;
}

export class AlertTable {
  readonly el: HTMLTableElement;
  #body = element("tbody", "");
  #rows = new Map<string, Row>();

  constructor(private act: Act) {
    const heads = HEADS.map((name) => element("th", "", { scope: "col" }, name));
    const head = element("thead", "", {}, element("tr", "", {}, ...heads));
    this.el = element("table", "lw-table", { "aria-label": "Alerts" }, head, this.#body);
  }

  /** Shows `alerts` in this order. A row that stays keeps its element, and with it the focus. */
  update(alerts: Alert[], zone: Zone, enabled: boolean): void {
    const before = this.#rows;
    this.#rows = new Map();
    for (const alert of alerts) {
      const row = before.get(alert.id) ?? { el: element("tr", ""), shown: "" };
      this.#rows.set(alert.id, row);
      this.#fill(row, alert, zone, enabled);
    }
    const wanted = [...this.#rows.values()].map(({ el }) => el);
    const there = this.#body.children;
    const same = wanted.length === there.length && wanted.every((el, i) => el === there[i]);
    if (same) return;
    const focused = document.activeElement as HTMLElement | null;
    const held = focused !== null && this.#body.contains(focused);
    this.#body.replaceChildren(...wanted);
    if (held && this.#body.contains(focused)) focused.focus();
  }

  #fill(row: Row, alert: Alert, zone: Zone, enabled: boolean): void {
    const cells = figures(alert, zone);
    const shown = JSON.stringify([cells, alert.priority, enabled]);
    if (shown === row.shown) return;
    row.shown = shown;
    const { el } = row;
    const focused = el.contains(document.activeElement) ? document.activeElement : null;
    const at = [...el.querySelectorAll("button")].indexOf(focused as HTMLButtonElement);
    el.className = `lw-${alert.priority} lw-is-${alert.state}${alert.silenced ? " lw-silenced" : ""}`;
    const what = element(
      "td",
      "lw-what",
      { title: cells.text },
      element("b", "", {}, cells.subject),
    );
    if (cells.text !== "") what.append(element("span", "lw-text", {}, cells.text));
    const level = element("span", "lw-level", {}, alert.priority);
    const state = element("td", "lw-state", {}, cells.state);
    if (cells.note !== "") state.append(element("span", "lw-text", {}, cells.note));
    const buttons = element("div", "lw-actions", {}, ...this.#buttons(alert, enabled));
    el.replaceChildren(
      element("td", "lw-priority", {}, sign(alert.priority), level),
      what,
      state,
      element("td", "lw-since", {}, cells.since),
      element("td", "", {}, buttons),
    );
    if (at >= 0) ([...el.querySelectorAll("button")].at(at) ?? el.querySelector("button"))?.focus();
  }

  #buttons(alert: Alert, enabled: boolean): HTMLElement[] {
    const named = (text: string, name: "acknowledge" | "silence" | "unsilence") => {
      const made = action(text, `${text}: ${subject(alert)}`, () => this.act(name, alert));
      made.disabled = !enabled;
      return made;
    };
    const over = alert.state === "resolved";
    const buttons: HTMLElement[] = [];
    if (!over && !alert.acknowledged) buttons.push(named("Acknowledge", "acknowledge"));
    if (alert.silenced) buttons.push(named("Unsilence", "unsilence"));
    else if (!over) buttons.push(named("Silence 1 h", "silence"));
    return buttons;
  }
}

/** What the cells of a row say. */
function figures(alert: Alert, zone: Zone) {
  const { state, since, time, text, acknowledged, silenced, until } = alert;
  const notes = [];
  if (state === "resolved") notes.push(when(time, zone));
  if (acknowledged) notes.push("acknowledged");
  if (silenced) notes.push(until === null ? "silenced" : `silenced until ${when(until, zone)}`);
  return { subject: subject(alert), text, state, note: notes.join(", "), since: when(since, zone) };
}
