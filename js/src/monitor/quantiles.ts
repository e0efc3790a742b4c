/** Quantiles and pictures of a histogram, whose bounds rise. */
import type { Histogram } from "../data/status";

/** One bar: the share of the highest, and the bounds that it stands for, in ms. */
export interface Bar {
  from: number;
  to: number;
  count: number;
  height: number;
}

/** The value below which `share` of all lie, within its bucket by proportion; null for none. */
export function quantile({ bounds_ms: bounds, counts }: Histogram, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number;
    if (count > 0 && below + count >= share * total) {
      const [low, high] = edges(bounds, i);
      return low + (high - low) * Math.min(1, Math.max(0, (share * total - below) / count));
    }
    below += count;
  }
  return bounds[bounds.length - 1] ?? null;
}

/** The bars from the first that is not empty to the last. */
export function barsOf({ bounds_ms: bounds, counts }: Histogram): Bar[] {
  const most = Math.max(...counts, 1);
  const first = counts.findIndex((count) => count > 0);
  const last = counts.length - 1 - [...counts].reverse().findIndex((count) => count > 0);
  if (first < 0) return [];
  return counts.slice(first, last + 1).map((count, i) => {
    const [from, to] = edges(bounds, first + i);
    return { from, to, count, height: count / most };
  });
}

/** Where `value` (ms) lies among bars of one width: 0 to 1. */
export function placeOf(bars: Bar[], value: number): number {
  const i = bars.findIndex(({ to }) => value <= to);
  const bar = bars[i];
  if (bar === undefined) return 1;
  const within = bar.to > bar.from ? (value - bar.from) / (bar.to - bar.from) : 0;
  return (i + Math.min(1, Math.max(0, within))) / bars.length;
}

/** What a bucket is of. The last has no end: it is told as twice its beginning. */
function edges(bounds: number[], i: number): [number, number] {
  const low = i === 0 ? 0 : (bounds[i - 1] as number);
  return [low, bounds[i] ?? 2 * low];
}
