/** When to acknowledge: every tenth tick or second while seen, each two seconds with nothing new. */

const TICKS = 10;
const BUSY_MS = 1000;
const IDLE_MS = 2000;

export class AckPace {
  tick = 0;
  sent = 0;
  received = 0;
  #ticks = 0;
  #last = 0;

  /** Notes a tick at wall clock `received` (ms); true when an acknowledgement is due. */
  heard(tick: number, sent: number, received: number): boolean {
    this.tick = tick;
    this.sent = sent;
    this.received = received;
    this.#ticks += 1;
    return this.due(received);
  }

  due(now: number): boolean {
    const waited = now - this.#last;
    return this.#ticks >= TICKS || waited >= IDLE_MS || (this.#ticks > 0 && waited >= BUSY_MS);
  }

  acknowledged(now: number): void {
    this.#ticks = 0;
    this.#last = now;
  }
}
