/** The series as a person reads of them: in the legend, in the summary, under the pointer. */
import type { Look } from "../renderer/base";
import { lowerBound } from "../renderer/path";
import type { Track } from "../store/track";
import type { ChartRuntime } from "./runtime";

/** A series that stands for itself; the edge of a band does not. */
export interface Item {
  name: string;
  look: Look;
  visible: boolean;
  /** Its newest value; NaN where there is none. Rows of others, as of a forecast, may be newer. */
  latest: number;
}

export function itemsOf(runtime: ChartRuntime): Item[] {
  return runtime.store.series.flatMap(({ name, track }, i) => {
    const look = runtime.looks[i];
    if (look === undefined || look.owner !== null) return [];
    const visible = !runtime.isHidden(name);
    return [{ name, look, visible, latest: lastFinite(track.y) }];
  });
}

function lastFinite(y: Float64Array): number {
  let at = y.length - 1;
  while (at >= 0 && !Number.isFinite(y[at])) at -= 1;
  return y[at] ?? Number.NaN;
}

/** What a series says at a time: its point nearest to it, and its bands there. */
export interface Reading {
  name: string;
  look: Look;
  x: number;
  y: number;
  bands: [number, number][];
}

/**
 * A reading of each series in sight at `at`, nanoseconds after the store's origin. What is drawn
 * here and there only, markers and forecasts, is told of within `reach` of its points.
 */
export function readingsAt(runtime: ChartRuntime, at: number, reach: number): Reading[] {
  const { series } = runtime.store;
  return series.flatMap(({ name, track }, i) => {
    const look = runtime.looks[i];
    if (!look || look.owner !== null || runtime.isHidden(name) || track.length === 0) return [];
    const sparse = look.shape !== "line";
    const index = sparse ? nearestFinite(track, at, reach) : nearestIndex(track.x, at);
    if (index < 0) return [];
    const bands = look.bands.flatMap(([low, high]) => {
      const edges = [low, high].map((edge) => valueAt(series[edge]?.track, at, reach));
      return edges.every(Number.isFinite) ? [edges as [number, number]] : [];
    });
    return [{ name, look, x: track.x[index] as number, y: track.y[index] as number, bands }];
  });
}

function valueAt(track: Track | undefined, at: number, reach: number): number {
  const index = track === undefined ? -1 : nearestFinite(track, at, reach);
  return index < 0 ? Number.NaN : (track?.y[index] as number);
}

function nearestIndex(x: Float64Array, at: number): number {
  const next = Math.min(lowerBound(x, at), x.length - 1);
  if (next === 0) return 0;
  return at - (x[next - 1] as number) <= (x[next] as number) - at ? next - 1 : next;
}

/** The place of the nearest finite point at most `reach` away; -1 where there is none. */
function nearestFinite({ x, y }: Track, at: number, reach: number): number {
  let best = -1;
  for (let i = lowerBound(x, at - reach); i < x.length && (x[i] as number) <= at + reach; i++) {
    const nearer = best < 0 || Math.abs((x[i] as number) - at) < Math.abs((x[best] as number) - at);
    if (nearer && Number.isFinite(y[i])) best = i;
  }
  return best;
}
