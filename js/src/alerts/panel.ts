/** The alert panel: a filter above, the alerts below, and a word where there are none. */
import { Announcer } from "../controls/announce";
import { element } from "../controls/dom";
import { type Alert, byWeight, calls, readAlerts } from "../data/alert";
import type { WidgetModel } from "../link/jupyter";
import type { PageLink } from "../link/page";
import { Zone } from "../renderer/zone";
import { AlertTable } from "./table";
import { spoken, subject } from "./words";

const MOST_ROWS = 200;
const PRIORITIES = ["critical", "warning", "info"];
const STATES = ["firing", "pending", "resolved"];

/** What the panel asks of the widget's model beside its traits. */
export interface PanelModel extends WidgetModel {
  send(content: unknown): void;
}

/** Which alerts are wanted; "" is any. */
export interface Filter {
  text: string;
  priority: string;
  state: string;
}

/** Those of `alerts` that fit, in the order of their weight. */
export function fitting(alerts: Alert[], { text, priority, state }: Filter): Alert[] {
  const words = text.toLowerCase().split(/\s+/);
  return alerts
    .filter((alert) => {
      if (priority !== "" && alert.priority !== priority) return false;
      if (state !== "" && alert.state !== state) return false;
      const said = `${subject(alert)} ${alert.text}`.toLowerCase();
      return words.every((word) => said.includes(word));
    })
    .sort(byWeight);
}

/** Shows the alerts of `model` in `el` until `signal` aborts. */
export function showAlerts(
  el: HTMLElement,
  model: PanelModel,
  page: PageLink,
  signal: AbortSignal,
): void {
  const panel = new Panel(el, model, page, signal);
  const traits = ["rows", "watched", "title", "tz"].map((name) => `change:${name}`);
  const update = () => panel.update();
  for (const each of traits) model.on(each, update);
  const leave = page.join(Number(model.get("chart")), { ended: update, pageChanged: update });
  signal.addEventListener("abort", () => {
    for (const each of traits) model.off(each, update);
    leave();
    el.replaceChildren();
  });
  update();
}

class Panel {
  #title = element("span", "lw-title");
  #chip = element("span", "lw-chip");
  #text = element("input", "lw-search", {
    type: "search",
    placeholder: "Filter",
    "aria-label": "Filter by text",
  });
  #priority = choice("Priority", "any priority", PRIORITIES);
  #state = choice("State", "any state", STATES);
  #table: AlertTable;
  #scroll: HTMLElement;
  #foot = element("div", "lw-panel-foot");
  #announcer: Announcer;
  #urgent = element("div", "lw-unseen", { role: "alert" });
  #known: Set<string> | null = null;

  constructor(
    el: HTMLElement,
    private model: PanelModel,
    private page: PageLink,
    signal: AbortSignal,
  ) {
    this.#table = new AlertTable((name, { id }) => model.send({ action: name, alert: id }));
    this.#announcer = new Announcer(signal);
    // What scrolls must be reached by keys, too.
    this.#scroll = element("div", "lw-scroll", { tabindex: 0, role: "region" }, this.#table.el);
    for (const each of [this.#text, this.#priority, this.#state]) {
      each.addEventListener("input", () => this.update(), { signal });
      // Jupyter has shortcuts on single letters.
      each.addEventListener("keydown", (event) => event.stopPropagation(), { signal });
    }
    const left = element("div", "lw-left", {}, this.#title, this.#chip);
    const right = element("div", "lw-right", {}, this.#text, this.#priority, this.#state);
    el.classList.add("livewidget", "lw-panel");
    el.replaceChildren(
      element("div", "lw-toolbar", {}, left, right),
      this.#scroll,
      this.#foot,
      this.#announcer.el,
      this.#urgent,
    );
  }

  update(): void {
    const { model } = this;
    const zone = new Zone(String(model.get("tz") || "UTC"));
    const alerts = readAlerts(model.get("rows"));
    const title = String(model.get("title") || "Alerts");
    const filter = {
      text: this.#text.value.trim(),
      priority: this.#priority.value,
      state: this.#state.value,
    };
    const found = fitting(alerts, filter);
    this.#title.textContent = title;
    this.#scroll.setAttribute("aria-label", title);
    this.#showChip(alerts);
    this.#table.update(found.slice(0, MOST_ROWS), zone, this.page.endReason === null);
    this.#scroll.hidden = found.length === 0;
    this.#foot.textContent = this.#say(alerts.length, found.length);
    this.#foot.classList.toggle("lw-nothing", found.length === 0);
    this.#announce(alerts.filter(calls).sort(byWeight), zone);
  }

  #showChip(alerts: Alert[]): void {
    const firing = alerts.filter(({ state }) => state === "firing").length;
    const calling = alerts.filter(calls).sort(byWeight);
    const { endReason } = this.page;
    this.#chip.textContent = endReason === null ? `${firing} firing` : `ended: ${endReason}`;
    this.#chip.className = `lw-chip lw-${calling[0]?.priority ?? "calm"}`;
  }

  #say(all: number, found: number): string {
    const watched = String(this.model.get("watched") ?? "");
    if (all === 0) return `No alerts. ${watched}`.trim();
    if (found === 0) return `None of ${all} alerts fits the filter.`;
    if (found > MOST_ROWS) return `and ${found - MOST_ROWS} more: narrow the filter to see them.`;
    return watched;
  }

  /** Says what is new since the panel was opened: at once where it is critical. */
  #announce(calling: Alert[], zone: Zone): void {
    const known = this.#known;
    this.#known = new Set(calling.map(({ id }) => id));
    const fresh = known === null ? [] : calling.filter(({ id }) => !known.has(id));
    const first = fresh[0];
    if (first === undefined) return;
    const text = spoken(fresh, zone);
    if (first.priority === "critical") this.#urgent.textContent = text;
    else this.#announcer.say(text);
  }
}

function choice(label: string, any: string, values: string[]): HTMLSelectElement {
  const made = element("select", "lw-select", { "aria-label": label, title: label });
  const options = [element("option", "", { value: "" }, any)];
  for (const value of values) options.push(element("option", "", { value }, value));
  made.append(...options);
  return made;
}
