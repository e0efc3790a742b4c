/** How an alert reads: its sign, its subject, its times. All of it is text. */
import { element } from "../controls/dom";
import type { Alert, Level } from "../data/alert";
import { clockText } from "../renderer/ticks";
import type { Zone } from "../renderer/zone";

/** The shapes of the flags on the plot, as signs. */
export const SIGNS: Record<Level, string> = { info: "●", warning: "▲", critical: "■" };

const DAY_MS = 86_400_000;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The rule and what it is about. */
export function subject({ rule, key }: Alert): string {
  return key === "" ? rule : `${rule} · ${key}`;
}

/** The time of day of `ns`, with the date where that is not today's. */
export function when(ns: bigint, zone: Zone, now = Date.now()): string {
  const ms = Number(ns / 1_000_000n);
  const wall = ms + zone.offset(ms);
  const clock = clockText(wall, 1000);
  if (Math.floor(wall / DAY_MS) === Math.floor((now + zone.offset(now)) / DAY_MS)) return clock;
  const date = new Date(wall);
  return `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()} ${clock}`;
}

/** The alert in one line, for a readout and for screen readers. */
export function sentence(alert: Alert, zone: Zone): string {
  const { priority, state, text, since } = alert;
  const said = text === "" ? "" : `: ${text}`;
  return `${priority} · ${subject(alert)}${said} · ${state} · since ${when(since, zone)}`;
}

/** What a screen reader says of these, of which there is one at least: the first, and how many. */
export function spoken(alerts: Alert[], zone: Zone): string {
  const more = alerts.length > 1 ? `, and ${alerts.length - 1} more` : "";
  return `Alert: ${sentence(alerts[0] as Alert, zone)}${more}`;
}

/** A small button that says what it does; `label` tells it from its like for screen readers. */
export function action(text: string, label: string, pressed: () => void): HTMLButtonElement {
  const attributes = { type: "button", "aria-label": label, title: label };
  const made = element("button", "lw-action", attributes, text);
  made.addEventListener("click", pressed);
  return made;
}

export function sign(level: Level): HTMLElement {
  return element("span", `lw-sign lw-${level}`, { "aria-hidden": "true" }, SIGNS[level]);
}
