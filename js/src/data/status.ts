/** What the kernel says of a chart about twice a second. */

export type State =
  | "waiting"
  | "live"
  | "paused"
  | "suspended"
  | "reconnecting"
  | "stale"
  | "ended"
  | "failed";

const STATES: readonly State[] = [
  "waiting",
  "live",
  "paused",
  "suspended",
  "reconnecting",
  "stale",
  "ended",
  "failed",
];

/** What is kept: rows, the most so far, bytes; and how the history and the store behind it do. */
export interface BufferStatus {
  capacity?: number;
  high_water?: number;
  drops?: Record<string, number>;
  lags?: Record<string, number>;
  history_rows?: number;
  history_nbytes?: number;
  history_ratio?: number | null;
  store?: string;
  store_detail?: string;
  store_rows?: number;
  store_waiting?: number;
}

/** `alerts` is there only where they changed, or a page came. Rates are a second, `bytes` too; `memory` in bytes; `cpu` in percent; times in milliseconds. */
export interface Status {
  state: State;
  detail: string;
  attempt: number;
  notice: string;
  rate: number;
  rows: number;
  fill: number;
  received: number;
  stored: number;
  filtered: number;
  rejected: number;
  dropped: number;
  late: number;
  gaps: number;
  in_flight: number;
  fps: number | null;
  cap: number;
  draw_ms: number | null;
  bytes: number;
  latency_ms: [number, number] | null;
  cpu: number;
  memory: number;
  loop: "credit" | "open";
  limit: string;
  reasons: Record<string, number>;
  buffer: BufferStatus;
  advice: string[];
  alerts?: unknown;
}

export const WAITING: Status = {
  state: "waiting",
  detail: "",
  attempt: 0,
  notice: "",
  rate: 0,
  rows: 0,
  fill: 0,
  received: 0,
  stored: 0,
  filtered: 0,
  rejected: 0,
  dropped: 0,
  late: 0,
  gaps: 0,
  in_flight: 0,
  fps: null,
  cap: 0,
  draw_ms: null,
  bytes: 0,
  latency_ms: null,
  cpu: 0,
  memory: 0,
  loop: "credit",
  limit: "",
  reasons: {},
  buffer: {},
  advice: [],
};

/** The status in `raw`; a field that is missing keeps its resting value, an unknown state waits. */
export function readStatus(raw: unknown): Status {
  const given = typeof raw === "object" && raw !== null ? (raw as Partial<Status>) : {};
  const status = { ...WAITING, ...given };
  if (!STATES.includes(status.state)) status.state = "waiting";
  return status;
}
