/** The JSON messages of the link, both ways; `wire/layout.md` is the specification. */
import { readStatus, type Status } from "../data/status";

export interface Tick {
  kind: "tick";
  tick: number;
  sent: number;
  status: Map<number, Status>;
}

export interface Closed {
  kind: "closed";
  chart: number;
  reason: string;
}

export interface Save {
  kind: "save";
  chart: number;
  request: string;
  format: string;
}

export interface Download {
  kind: "download";
  chart: number;
  client: string;
  name: string;
  mime: string;
}

export type FromKernel = Tick | Closed | Save | Download;

/** `content` as a message; null where it is none that this version knows. */
export function readMessage(content: unknown): FromKernel | null {
  if (typeof content !== "object" || content === null) return null;
  const raw = content as Record<string, unknown>;
  const chart = Number(raw.chart);
  switch (raw.kind) {
    case "tick":
      return {
        kind: "tick",
        tick: Number(raw.tick),
        sent: Number(raw.sent),
        status: readStatuses(raw.status),
      };
    case "closed":
      return { kind: "closed", chart, reason: String(raw.reason ?? "") };
    case "save":
      return { kind: "save", chart, request: String(raw.request), format: String(raw.format) };
    case "download":
      return {
        kind: "download",
        chart,
        client: String(raw.client),
        name: String(raw.name ?? "chart.csv"),
        mime: String(raw.mime ?? "text/csv"),
      };
    default:
      return null;
  }
}

function readStatuses(raw: unknown): Map<number, Status> {
  const entries = typeof raw === "object" && raw !== null ? Object.entries(raw) : [];
  return new Map(entries.map(([chart, status]) => [Number(chart), readStatus(status)]));
}

/** What one chart tells of its drawing since the last acknowledgement. */
export interface ChartAck {
  sequence: number;
  drawn: number;
  draw_ms: number;
  age_ms: number[];
}

/** How the page does since the last acknowledgement; a field that the browser lacks is not there. */
export interface PageStrain {
  long_tasks?: number;
  long_ms?: number;
  heap?: number;
}

/** Messages to the kernel, without the `client` that the link adds. */
export type ToKernel =
  | {
      kind: "view";
      chart: number;
      view: number;
      width: number;
      visible: boolean;
      ratio: number;
    }
  | { kind: "bye"; chart: number; view: number }
  | { kind: "snapshot"; chart: number; have: number }
  | { kind: "range"; chart: number; token: number; range: [string, string] | null }
  | {
      kind: "ack";
      tick: number;
      sent: number;
      received: number;
      now: number;
      page: PageStrain;
      busy_ms: number;
      charts: Record<string, ChartAck>;
    }
  | { kind: "alert"; chart: number; action: "acknowledge" | "silence"; alert: string }
  | { kind: "advice"; chart: number; action: "apply" | "undo"; finding: string }
  | { kind: "saved"; chart: number; request: string; error: string }
  | { kind: "export"; chart: number; format: "csv" };
