/** Wall-clock time in a named zone, from the browser's own tables. */

const SECOND = 1000;
/** Zones change their offset at quarter hours at the finest. */
const QUARTER = 900 * SECOND;
const CACHED = 512;

export class Zone {
  readonly name: string;
  #format: Intl.DateTimeFormat | null = null;
  #offsets = new Map<number, number>();

  /** `tz`: an IANA name, "UTC", or "local" for the browser's own; an unknown name becomes UTC. */
  constructor(tz: string) {
    const name = tz === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : tz;
    try {
      this.#format = name === "UTC" ? null : zoneFormat(name);
      this.name = name;
    } catch {
      this.name = "UTC";
    }
  }

  /** What to add to UTC `ms` to get the zone's wall clock, in milliseconds. */
  offset(ms: number): number {
    if (this.#format === null) return 0;
    const quarter = Math.floor(ms / QUARTER);
    let offset = this.#offsets.get(quarter);
    if (offset === undefined) {
      if (this.#offsets.size >= CACHED) this.#offsets.clear();
      offset = readOffset(this.#format, quarter * QUARTER);
      this.#offsets.set(quarter, offset);
    }
    return offset;
  }

  /** UTC milliseconds of a wall-clock time; a time that the zone skips moves forward with it. */
  toUtc(wall: number): number {
    const first = wall - this.offset(wall);
    return wall - this.offset(first);
  }
}

/** The browser's own zone. */
export const LOCAL = new Zone("local");

function zoneFormat(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
}

function readOffset(format: Intl.DateTimeFormat, ms: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - ms;
}
