/** What was drawn and what it cost, between two acknowledgements and in all. */
import type { ChartAck } from "../wire/messages";

const MOST_AGES = 64;

export class DrawCounters {
  /** Frames drawn since the page opened. */
  total = 0;
  #drawn = 0;
  #cost = 0;
  #ages: number[] = [];

  /** One drawing took `ms` of the main thread. */
  drew(ms: number): void {
    this.total += 1;
    this.#drawn += 1;
    this.#cost += ms;
  }

  /** The newest event drawn was `ms` old when it reached the screen. */
  aged(ms: number): void {
    if (Number.isFinite(ms) && this.#ages.length < MOST_AGES) this.#ages.push(ms);
  }

  /** What to acknowledge with the last `sequence` drawn; counting starts over. */
  take(sequence: number): ChartAck {
    const draw_ms = this.#drawn > 0 ? this.#cost / this.#drawn : 0;
    const ack = { sequence, drawn: this.#drawn, draw_ms, age_ms: this.#ages };
    this.#drawn = 0;
    this.#cost = 0;
    this.#ages = [];
    return ack;
  }
}
