/**
 * When to acknowledge: with the first tick after a second, sooner where drawing fills the time, each
 * two seconds with nothing new.
 *
 * Not oftener: an acknowledgement costs the next tick 15 ms. The server writes the kernel's answers
 * to it as small segments, the browser's system waits 40 ms before it confirms them (delayed ACK),
 * and until then the server holds the tick back (Nagle's algorithm, RFC 1122).
 */

const BUSY_MS = 1000;
/** A page that draws nearly all the time says so sooner: the next frames are to be lighter. */
const HURRIED_MS = 400;
/** The part of the time that is nearly all. */
const HURRIED = 0.75;
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

  /** Notes a tick at wall clock `received` (ms); true when an acknowledgement is due. */
  heard(tick: number, sent: number, received: number): boolean {
    this.tick = tick;
    this.sent = sent;
    this.received = received;
    this.#fresh = true;
    const waited = this.#waited(received);
    return waited >= BUSY_MS || (waited >= HURRIED_MS && this.busy > HURRIED * waited);
  }

  /** Notes that a frame took `ms` of the main thread. */
  spent(ms: number): void {
    this.busy += ms;
  }

  /** Whether one is due though no tick has just come. */
  due(now: number): boolean {
    return this.#waited(now) >= (this.#fresh ? LATE_MS : IDLE_MS);
  }

  /** A clock that was set back, too, is a reason to speak. */
  #waited(now: number): number {
    return Math.abs(now - this.#last);
  }

  acknowledged(now: number): void {
    this.#fresh = false;
    this.busy = 0;
    this.#last = now;
  }
}
