/** Which figures the strip shows, and how they read. */
import { bytes, short } from "../controls/numbers";
import type { Status } from "../data/status";

export interface Figure {
  label: string;
  title: string;
  /** Shown while the strip is folded. */
  compact: boolean;
  text(status: Status): string;
  /** What the time line follows; null where it is not known. */
  value(status: Status): number | null;
  /** Such a value in words. */
  say(value: number): string;
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
const ms = (value: number | null | undefined) => (value == null ? "–" : `${short(value)} ms`);
const lost = (s: Status) => s.dropped + s.rejected;

/** In the order of their weight: where a chart is narrow, the folded strip leaves out the last. */
export const FIGURES: Figure[] = [
  {
    label: "fps",
    title: "Frames drawn a second, and the cap",
    compact: true,
    text: (s) => `${short(s.fps)} / ${short(s.cap)}`,
    value: (s) => s.fps,
    say: short,
  },
  {
    label: "latency",
    title: "From arrival to pixel: median and 99th percentile",
    compact: true,
    text: (s) => (s.latency_ms ? `${short(s.latency_ms[0])} / ${short(s.latency_ms[1])} ms` : "–"),
    value: (s) => s.latency_ms?.[0] ?? null,
    say: ms,
  },
  {
    label: "events",
    title: "Events a second in",
    compact: true,
    text: (s) => `${short(s.rate)}/s`,
    value: (s) => s.rate,
    say: (value) => `${short(value)}/s`,
  },
  {
    label: "lost",
    title: "Events dropped or rejected since the start",
    compact: true,
    text: (s) => short(lost(s)),
    value: lost,
    say: short,
  },
  {
    label: "wire",
    title: "Bytes a second to the browser",
    compact: true,
    text: (s) => `${bytes(s.bytes)}/s`,
    value: (s) => s.bytes,
    say: (value) => `${bytes(value)}/s`,
  },
  {
    label: "buffer",
    title: "How full the buffer is, and its rows",
    compact: true,
    text: (s) => percent(s.fill),
    value: (s) => s.fill,
    say: percent,
  },
  {
    label: "p99",
    title: "From arrival to pixel: 99th percentile",
    compact: false,
    text: (s) => ms(s.latency_ms?.[1]),
    value: (s) => s.latency_ms?.[1] ?? null,
    say: ms,
  },
  {
    label: "draw",
    title: "Main-thread time of one drawing",
    compact: false,
    text: (s) => ms(s.draw_ms),
    value: (s) => s.draw_ms,
    say: ms,
  },
  {
    label: "queue",
    title: "Events that wait for the operators",
    compact: false,
    text: (s) => short(s.queued ?? 0),
    value: (s) => s.queued ?? 0,
    say: short,
  },
  {
    label: "kernel CPU",
    title: "Of one core, the kernel's process",
    compact: false,
    text: (s) => `${Math.round(s.cpu)} %`,
    value: (s) => s.cpu,
    say: (value) => `${Math.round(value)} %`,
  },
  {
    label: "memory",
    title: "Resident memory of the kernel's process",
    compact: false,
    text: (s) => bytes(s.memory),
    value: (s) => s.memory,
    say: bytes,
  },
];

/** The counts as one line: where every received event is. */
export function account(s: Status): string {
  const parts = [
    `${short(s.received)} received`,
    `${short(s.stored)} stored`,
    `${short(s.filtered)} filtered`,
    `${short(s.rejected)} rejected`,
    `${short(s.dropped)} dropped`,
    `${short(s.in_flight)} in flight`,
  ];
  if (s.late > 0) parts.push(`${short(s.late)} late`);
  if (s.gaps > 0) parts.push(`${short(s.gaps)} gaps`);
  if (s.loop === "open") parts.push("on open loop: the kernel hears no acknowledgements");
  return parts.join(" · ");
}

/** What is kept, in memory and behind it, as one line. */
export function kept(s: Status): string {
  const b = s.buffer;
  const parts = [`${short(s.rows)} rows in the ring`];
  if (b.high_water) parts.push(`${short(b.high_water)} at most`);
  if (b.history_rows) {
    const smaller = b.history_ratio ? `, ${short(b.history_ratio)} times smaller` : "";
    parts.push(`${short(b.history_rows)} aged in ${bytes(b.history_nbytes ?? 0)}${smaller}`);
  }
  for (const [name, lag] of Object.entries(b.lags ?? {})) {
    parts.push(`${name}: ${short(lag)} rows behind`);
  }
  if (b.store) {
    const waiting = b.store_waiting ? `, ${short(b.store_waiting)} wait` : "";
    const detail = b.store_detail ? ` (${b.store_detail})` : "";
    parts.push(`store ${b.store}${detail}: ${short(b.store_rows ?? 0)} rows${waiting}`);
  }
  return parts.join(" · ");
}

/** Why events were lost, as one line; empty where none were. */
export function reasons(s: Status): string {
  return Object.entries(s.reasons)
    .map(([reason, count]) => `${reason}: ${short(count)}`)
    .join(" · ");
}
