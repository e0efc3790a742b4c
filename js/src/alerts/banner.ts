/** The strip above a plot that has alerts: what fires now, and what can be done about it. */
import { element } from "../controls/dom";
import { type Alert, byWeight, calls } from "../data/alert";
import type { Zone } from "../renderer/zone";
import { action, sentence, sign, spoken, subject, when } from "./words";

const MOST_LINES = 2;

export type Act = (name: "acknowledge" | "silence", alert: Alert) => void;

export class Banner {
  readonly el = element("div", "lw-banner", { role: "group", "aria-label": "Alerts" });
  /** Spoken at once, whatever is being read: what is critical. */
  readonly urgent = element("div", "lw-unseen", { role: "alert" });
  #known = new Set<string>();
  #shown = "";

  /** `act` does what a button says, `say` tells screen readers when they are free. */
  constructor(
    private act: Act,
    private say: (text: string) => void,
  ) {
    this.el.hidden = true;
  }

  /** Shows what of `alerts` calls for a person; null where the chart has no alerts. */
  update(alerts: Alert[] | null, zone: Zone, enabled: boolean): void {
    this.el.hidden = alerts === null;
    const calling = (alerts ?? []).filter(calls).sort(byWeight);
    const shown = JSON.stringify([calling.map(figures), zone.name, enabled, alerts?.length ?? -1]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const told = calling.slice(0, MOST_LINES);
    const more = calling.length - told.length;
    const lines = told.map((alert, i) => {
      return this.#line(alert, zone, enabled, i === told.length - 1 ? more : 0);
    });
    if (lines.length === 0) lines.push(quiet(alerts ?? []));
    this.el.dataset.level = calling[0]?.priority ?? "";
    const focused = (document.activeElement as HTMLElement | null)?.dataset.act;
    const held = this.el.contains(document.activeElement);
    this.el.replaceChildren(...lines);
    if (held) this.#refocus(focused);
    this.#announce(calling, zone);
  }

  #line(alert: Alert, zone: Zone, enabled: boolean, more: number): HTMLElement {
    const what = element("span", "lw-what", {}, element("b", "", {}, subject(alert)));
    if (alert.text !== "") what.append(`: ${alert.text}`);
    what.title = sentence(alert, zone);
    const acknowledge = this.#button("Acknowledge", alert, "acknowledge", enabled);
    const silence = this.#button("Silence 1 h", alert, "silence", enabled);
    return element(
      "div",
      `lw-alert lw-${alert.priority}`,
      {},
      sign(alert.priority),
      element("span", "lw-level", {}, alert.priority),
      what,
      element("span", "lw-since", {}, `since ${when(alert.since, zone)}`),
      element("span", "lw-more", {}, more > 0 ? `and ${more} more` : ""),
      acknowledge,
      silence,
    );
  }

  #button(
    text: string,
    alert: Alert,
    name: "acknowledge" | "silence",
    enabled: boolean,
  ): HTMLElement {
    const made = action(text, `${text}: ${subject(alert)}`, () => this.act(name, alert));
    made.disabled = !enabled;
    made.dataset.act = `${name} ${alert.id}`;
    return made;
  }

  /** Keeps the keyboard's place where the lines were made anew. */
  #refocus(act: string | undefined): void {
    const buttons = [...this.el.querySelectorAll("button")];
    (buttons.find((each) => each.dataset.act === act) ?? buttons[0])?.focus();
  }

  /** Says each alert once each time it calls: at once where it is critical, else when there is time. */
  #announce(calling: Alert[], zone: Zone): void {
    const fresh = calling.filter(({ id }) => !this.#known.has(id));
    this.#known = new Set(calling.map(({ id }) => id));
    const critical = fresh.filter(({ priority }) => priority === "critical");
    const others = fresh.filter(({ priority }) => priority !== "critical");
    if (critical.length > 0) this.urgent.textContent = spoken(critical, zone);
    else if (calling[0]?.priority !== "critical") this.urgent.textContent = "";
    if (others.length > 0) this.say(spoken(others, zone));
  }
}

function figures({ id, rule, key, priority, text, since }: Alert): unknown[] {
  return [id, rule, key, priority, text, String(since)];
}

/** What stands there while nothing calls: the strip keeps its room, so that no page moves. */
function quiet(alerts: Alert[]): HTMLElement {
  const known = alerts.filter(({ state }) => state === "firing").length;
  const text = known === 0 ? "No alert fires" : `${known} firing, acknowledged or silenced`;
  return element("div", "lw-alert lw-quiet", {}, element("span", "lw-what", {}, text));
}
