/**
 * When to acknowledge: with the first tick after a second, sooner where drawing fills the time, each
 * two seconds with nothing new.
 *
 * Not oftener: an acknowledgement costs the next tick 15 ms. The server writes the kernel's answers
 * to it as small segments, the browser's system waits 40 ms before it confirms them (delayed ACK),
 * and until then the server holds the tick back (Nagle's algorithm, RFC 1122).
 */

const BUSY_MS = 1000;
/**
 * A page that draws nearly all the time says so sooner, as the next frames are to be lighter; and so
 * does one that draws for much more or much less of it than it told last.
 */
const HURRIED_MS = 400;
/** A frame that alone took so long is told of as soon as it has been painted, */
const LONG_MS = 150;
/** but for the time in which another was told: a pause of the collector is not the load. */
const SOON_MS = 250;
/** The part of the time that is nearly all. */
const HURRIED = 0.75;
/** And by how much of it another part is another load. */
const CHANGED = 0.3;
/** With few ticks: not while one may be about to come, which the answers would hold up by 40 ms. */
const LATE_MS = 1250;
const IDLE_MS = 2000;

export class AckPace {
  tick = 0;
  sent = 0;
  received = 0;
  /** Milliseconds of main thread since the last one that drawing took, the paint included. */
  busy = 0;
  #fresh = false;
  #last = 0;
  /** The ticks of the last `HURRIED_MS`, and the one before: when, and what was spent until then. */
  #ticks: [at: number, spent: number][] = [];
  #spent = 0;
  /** The part of the time before the last one that drawing took. */
  #told = 0;
  /** Whether a long frame has not been told of. */
  #long = false;

  /** Notes a tick at wall clock `received` (ms); true when an acknowledgement is due. */
  heard(tick: number, sent: number, received: number): boolean {
    this.tick = tick;
    this.sent = sent;
    this.received = received;
    this.#fresh = true;
    const lately = this.#lately(received);
    const waited = this.#waited(received);
    if (this.#long && waited >= SOON_MS) return true;
    if (waited < HURRIED_MS || lately === null) return waited >= BUSY_MS;
    const changed = Math.abs(lately - this.#told) > CHANGED;
    return waited >= BUSY_MS || lately > HURRIED || changed;
  }

  /** Notes that a frame took `ms` of the main thread. */
  spent(ms: number): void {
    this.busy += ms;
    this.#spent += ms;
    this.#long ||= ms >= LONG_MS;
  }

  /** Whether one is due though no tick has just come. */
  due(now: number): boolean {
    return this.#waited(now) >= (this.#fresh ? LATE_MS : IDLE_MS);
  }

  /**
   * The part of the last `HURRIED_MS` that drawing took; null while not so much is known. What was
   * before does not count: a load that has just risen is told of as soon as one that stays.
   */
  #lately(now: number): number | null {
    const ticks = this.#ticks;
    if (now < (ticks.at(-1)?.[0] ?? now)) ticks.length = 0; // the clock was set back
    ticks.push([now, this.#spent]);
    while (ticks[1] && now - ticks[1][0] >= HURRIED_MS) ticks.shift();
    const [since, spent] = ticks[0] as [number, number];
    return now - since < HURRIED_MS ? null : (this.#spent - spent) / (now - since);
  }

  /** A clock that was set back, too, is a reason to speak. */
  #waited(now: number): number {
    return Math.abs(now - this.#last);
  }

  acknowledged(now: number): void {
    this.#fresh = false;
    this.#long = false;
    this.#told = this.busy / Math.max(1, this.#waited(now));
    this.busy = 0;
    this.#last = now;
  }
}
