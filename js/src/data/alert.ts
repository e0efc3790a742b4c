/** An alert as the kernel tells it: what rule, about what, since when, and what became of it. */

/** How grave it is. */
export type Level = "info" | "warning" | "critical";

export type AlertState = "pending" | "firing" | "resolved";

/** `since`, `time` and `until` in nanoseconds since the epoch; `text` says it in words. */
export interface Alert {
  id: string;
  rule: string;
  key: string;
  state: AlertState;
  priority: Level;
  text: string;
  /** When its condition began to hold. */
  since: bigint;
  /** When it came into its state. */
  time: bigint;
  acknowledged: boolean;
  silenced: boolean;
  /** Until when it is silenced; null where it is not, or for good. */
  until: bigint | null;
}

const MOST = 1000;
const STATES: readonly string[] = ["pending", "firing", "resolved"];
const WEIGHTS: Record<string, number> = { info: 0, warning: 1, critical: 2 };

/** The alerts in `raw`, what does not fit left out. */
export function readAlerts(raw: unknown): Alert[] {
  return Array.isArray(raw) ? raw.slice(0, MOST).flatMap(readAlert) : [];
}

function readAlert(raw: Record<string, unknown>): Alert[] {
  try {
    if (!STATES.includes(String(raw.state))) return [];
    const priority = String(raw.priority);
    return [
      {
        id: String(raw.id),
        rule: String(raw.rule ?? ""),
        key: String(raw.key ?? ""),
        state: raw.state as AlertState,
        priority: priority in WEIGHTS ? (priority as Level) : "info",
        text: String(raw.text ?? ""),
        since: BigInt(raw.since as string),
        time: BigInt(raw.time as string),
        acknowledged: raw.acknowledged === true,
        silenced: raw.silenced === true,
        until: raw.until == null ? null : BigInt(raw.until as string),
      },
    ];
  } catch {
    return [];
  }
}

const ORDER: Record<AlertState, number> = { firing: 0, pending: 1, resolved: 2 };

/** For `sort`: firing before pending before resolved; the grave first, then the new. */
export function byWeight(a: Alert, b: Alert): number {
  if (a.state !== b.state) return ORDER[a.state] - ORDER[b.state];
  const graver = (WEIGHTS[b.priority] as number) - (WEIGHTS[a.priority] as number);
  if (graver !== 0 && a.state !== "resolved") return graver;
  const [newer, older] = a.state === "resolved" ? [b.time, a.time] : [b.since, a.since];
  return newer > older ? 1 : newer < older ? -1 : 0;
}

/** Whether a person should be told: it fires, and nobody has said that it is known. */
export function calls(alert: Alert): boolean {
  return alert.state === "firing" && !alert.acknowledged && !alert.silenced;
}
