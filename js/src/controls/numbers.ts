/** Figures as people read them. */

const UNITS: [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Three significant digits and a prefix: 12.3k. */
export function short(value: number | null, unit = ""): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  // What would be rounded to 1000k is 1.0M.
  const [scale, prefix] = UNITS.find(([s]) => size >= 0.9995 * s) ?? [1, ""];
  const scaled = value / scale;
  const digits = Math.abs(scaled) >= 100 || Number.isInteger(scaled) ? 0 : 1;
  return scaled.toFixed(digits) + prefix + unit;
}

/** Bytes with a binary prefix: 175 MiB. */
export function bytes(value: number): string {
  if (value >= 1023.5 * 2 ** 20) return `${(value / 2 ** 30).toFixed(1)} GiB`;
  if (value >= 1023.95 * 1024) return `${Math.round(value / 2 ** 20)} MiB`;
  return value >= 1024 ? `${(value / 1024).toFixed(1)} KiB` : `${Math.round(value)} B`;
}

/** The shortest text that reads back as the very same number. */
export function exact(value: number): string {
  return Number.isFinite(value) ? String(value) : "no value";
}

/** Six significant digits, for a value that changes all the time. */
export function brief(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))) : "–";
}

/** A duration in seconds as 5 s, 10 min or 1 h. */
export function duration(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`;
  return `${Number(seconds.toPrecision(4))} s`;
}
