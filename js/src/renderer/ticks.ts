/** Where an axis has its ticks and what they say. */
import type { Tick } from "./base";
import type { Zone } from "./zone";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

const CLOCK_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14].map((n) => n * DAY),
];
const MONTH_STEPS = [1, 3, 6];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The least of 1, 2 or 5 times a power of ten that is not below `raw`. */
export function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  for (const factor of [1, 2, 5]) {
    if (factor * power >= raw * (1 - 1e-12)) return factor * power;
  }
  return 10 * power;
}

/** About `count` ticks from `low` to `high`, labelled shortly and alike. */
export function valueTicks(low: number, high: number, count: number): Tick[] {
  if (!(high > low) || !Number.isFinite(high - low)) return [];
  const step = niceStep((high - low) / Math.max(1, count));
  const [first, last] = [Math.ceil(low / step), Math.floor(high / step)];
  // Beyond these one more is no other number: counting would never end.
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) return [];
  const label = valueLabel(step, Math.max(Math.abs(low), Math.abs(high)));
  const ticks: Tick[] = [];
  for (let n = first; n <= last; n++) {
    ticks.push({ value: n * step, label: label(n * step) });
  }
  return ticks;
}

/** The size from which a prefix is worth it, its unit and its letter: 9000 reads better than 9k. */
const PREFIXES: [number, number, string][] = [
  [1e12, 1e12, "T"],
  [1e9, 1e9, "G"],
  [1e6, 1e6, "M"],
  [1e4, 1e3, "k"],
];

function valueLabel(step: number, largest: number): (value: number) => string {
  if (largest >= 1e15 || largest < 1e-4) return (value) => trimmed(value.toExponential(2));
  const [, unit, prefix] = PREFIXES.find(([size]) => largest >= size) ?? [0, 1, ""];
  const decimals = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  const [scale, suffix] = decimals > 3 ? [1, ""] : [unit, prefix];
  const digits = Math.min(12, Math.max(0, Math.ceil(-Math.log10(step / scale) - 1e-9)));
  return (value) => (value === 0 ? "0" : plain(value / scale, digits) + suffix);
}

function plain(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text;
}

function trimmed(exponential: string): string {
  return Number.parseFloat(exponential) === 0 ? "0" : exponential.replace(/\.?0+e/, "e");
}

/** About `count` ticks from `start` to `stop` (UTC milliseconds) at round times of `zone`. */
export function timeTicks(start: number, stop: number, count: number, zone: Zone): Tick[] {
  const raw = (stop - start) / Math.max(1, count);
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  if (raw > 14 * DAY) return calendarTicks(start, stop, raw, zone);
  const step = raw < SECOND ? niceStep(raw) : (CLOCK_STEPS.find((s) => s >= raw) as number);
  return clockTicks(start, stop, step, zone);
}

function clockTicks(start: number, stop: number, step: number, zone: Zone): Tick[] {
  const ticks: Tick[] = [];
  const first = Math.ceil((start + zone.offset(start)) / step);
  const last = (stop + zone.offset(stop)) / step;
  for (let n = first; n <= last; n++) {
    const wall = n * step;
    const value = zone.toUtc(wall);
    if (value >= start && value <= stop) ticks.push({ value, label: clockLabel(wall, step) });
  }
  return ticks;
}

function calendarTicks(start: number, stop: number, raw: number, zone: Zone): Tick[] {
  const months =
    raw <= 6 * MONTH
      ? (MONTH_STEPS.find((n) => n * MONTH >= raw) as number)
      : 12 * Math.max(1, niceStep(raw / YEAR));
  const from = new Date(start + zone.offset(start));
  const ticks: Tick[] = [];
  let month = Math.floor((from.getUTCFullYear() * 12 + from.getUTCMonth()) / months) * months;
  for (; ; month += months) {
    const wall = Date.UTC(Math.floor(month / 12), month % 12, 1);
    const value = zone.toUtc(wall);
    if (!(value <= stop)) return ticks; // nor where the calendar has no such time
    if (value >= start) ticks.push({ value, label: calendarLabel(wall, months) });
  }
}

function calendarLabel(wall: number, months: number): string {
  const date = new Date(wall);
  const year = String(date.getUTCFullYear());
  return months >= 12 ? year : `${MONTHS[date.getUTCMonth()]} ${year}`;
}

function clockLabel(wall: number, step: number): string {
  const date = new Date(wall);
  const day = `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}`;
  if (step >= DAY) return day;
  if (wall % DAY === 0) return day;
  return clockText(wall, step);
}

/** The time of day of a wall-clock time, as fine as `step` (ms) asks. */
export function clockText(wall: number, step: number): string {
  const date = new Date(wall);
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  if (step >= MINUTE) return minutes;
  const seconds = `${minutes}:${two(date.getUTCSeconds())}`;
  if (step >= SECOND) return seconds;
  const digits = Math.min(6, Math.max(1, Math.ceil(3 - Math.log10(step) - 1e-9)));
  const fraction = (((wall % SECOND) + SECOND) % SECOND) / SECOND;
  return (
    seconds +
    Math.min(fraction, 1 - 10 ** -digits)
      .toFixed(digits)
      .slice(1)
  );
}

/** The time of day of `ms` since the epoch, to the second. */
export function timeOfDay(ms: number, zone: Zone): string {
  return clockText(ms + zone.offset(ms), SECOND);
}

/** Date and time of day to the microsecond, for a readout. `step` as in `clockText`. */
export function fullTime(ms: number, zone: Zone, step: number): string {
  const wall = ms + zone.offset(ms);
  const date = new Date(wall).toISOString().slice(0, 10);
  return `${date} ${clockText(wall, step)}`;
}
