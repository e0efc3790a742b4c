/** The state that a person sees: the kernel's, or what the page knows better. */
import type { State, Status } from "../data/status";

export interface Shown {
  state: State;
  /** One line for a person, such as "reconnecting (attempt 3): host". */
  text: string;
}

/** What the page itself knows. */
export interface Known {
  /** Why the chart or its kernel is gone; null while they stand. */
  endReason: string | null;
  /** Nothing was heard from the kernel for five seconds and more. */
  silent: boolean;
  /** The `paused` trait, which is ahead of the kernel's word. */
  paused: boolean;
}

export function shownState(status: Status, known: Known): Shown {
  if (known.endReason !== null) return { state: "ended", text: `ended: ${known.endReason}` };
  // Of a stream that is over the kernel soon has no more to say.
  const over = status.state === "ended" || status.state === "failed";
  if (known.silent && !over) return { state: "stale", text: "stale: no word from the kernel" };
  const { state, detail, attempt } = status;
  const resting = state === "live" || state === "waiting" || state === "paused";
  if (resting && known.paused) return { state: "paused", text: "paused" };
  if (state === "paused") return { state: "live", text: "live" };
  const counted = state === "reconnecting" && attempt > 0 ? `${state} (attempt ${attempt})` : state;
  return { state, text: detail && state !== "live" ? `${counted}: ${detail}` : counted };
}
