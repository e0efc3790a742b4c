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

/** One stage of the way that rows take, as `wire/layout.md` has it. */
export interface StageStatus {
  name: string;
  label: string;
  /** Rows a second in and out; frames from the stage "frames" on. */
  arrived: number;
  served: number;
  /** The part of the time that it worked, and for which it could not hand on: 0 to 1. */
  busy: number;
  held: number;
  queue: number;
  capacity: number | null;
  dropped: number;
  state: string;
  /** Whether it bounds the rate now. */
  limits: boolean;
}

export interface FindingStatus {
  id: string;
  kind: string;
  level: "info" | "warning" | "critical";
  text: string;
  /** What a press would do; null where nothing can be done at once. */
  action: string | null;
  status: string;
}

/** How often what took how long: one count more than bounds, for what is above the last. */
export interface Histogram {
  bounds_ms: number[];
  counts: number[];
}

/** How the chart is drawn: `level` counts down from the best, of `levels`. */
export interface QualityStatus {
  mode: string;
  level: number;
  levels: number;
  reason: string;
  setting: string;
}

/** What was decided about it: nanoseconds since the epoch as text. */
export interface Decision {
  time: string;
  text: string;
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
  queued?: number;
  stages: StageStatus[];
  findings: FindingStatus[];
  histogram: Histogram | null;
  quality: QualityStatus | null;
  decisions: Decision[];
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
  stages: [],
  findings: [],
  histogram: null,
  quality: null,
  decisions: [],
};

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isHistogram(value: Histogram | null): boolean {
  const { bounds_ms: bounds, counts } = value ?? ({} as Partial<Histogram>);
  if (!Array.isArray(bounds) || !Array.isArray(counts)) return false;
  return counts.length === bounds.length + 1 && [...bounds, ...counts].every(Number.isFinite);
}

const LISTS = ["advice", "stages", "findings", "decisions"] as const;

/** The status in `raw`; a field that is missing keeps its resting value, an unknown state waits. */
export function readStatus(raw: unknown): Status {
  const given = typeof raw === "object" && raw !== null ? (raw as Partial<Status>) : {};
  const status = { ...WAITING, ...given };
  if (!STATES.includes(status.state)) status.state = "waiting";
  for (const name of LISTS) if (!Array.isArray(status[name])) status[name] = [];
  status.stages = status.stages.filter((each) => isObject(each) && typeof each.name === "string");
  status.findings = status.findings.filter((each) => isObject(each) && typeof each.id === "string");
  status.decisions = status.decisions.filter(
    (each) => isObject(each) && /^\d{1,20}$/.test(String(each.time)),
  );
  if (!isHistogram(status.histogram)) status.histogram = null;
  if (!isObject(status.quality)) status.quality = null;
  return status;
}
