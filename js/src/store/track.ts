/** The points of one series: two typed arrays that grow, are trimmed at the left and patched. */
import type { Section } from "../data/frame";

const SMALLEST = 256;

export class Track {
  #x = new Float64Array(SMALLEST);
  #y = new Float64Array(SMALLEST);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** x in nanoseconds after the store's origin: a view, good until the next frame is applied. */
  get x(): Float64Array {
    return this.#x.subarray(this.#head, this.#head + this.#length);
  }

  /** y: a view, good until the next frame is applied. */
  get y(): Float64Array {
    return this.#y.subarray(this.#head, this.#head + this.#length);
  }

  clear(): void {
    this.#head = 0;
    this.#length = 0;
  }

  /** Applies `section` in the order of the specification: trim, patches, cut, append. */
  apply(section: Section): void {
    this.#trim(section.trim);
    let taken = 0;
    for (const { start, remove, insert } of section.patches) {
      this.#splice(start, remove, section, taken, insert);
      taken += insert;
    }
    this.#length -= Math.min(section.cut, this.#length);
    this.#splice(this.#length, 0, section, taken, section.append);
  }

  #trim(count: number): void {
    const gone = Math.min(count, this.#length);
    this.#head += gone;
    this.#length -= gone;
  }

  #splice(start: number, remove: number, from: Section, taken: number, insert: number): void {
    const at = Math.min(start, this.#length);
    const gone = Math.min(remove, this.#length - at);
    this.#reserve(this.#length - gone + insert);
    const place = this.#head + at;
    const stop = this.#head + this.#length;
    if (gone !== insert && place + gone < stop) {
      this.#x.copyWithin(place + insert, place + gone, stop);
      this.#y.copyWithin(place + insert, place + gone, stop);
    }
    this.#x.set(from.x.subarray(taken, taken + insert), place);
    this.#y.set(from.y.subarray(taken, taken + insert), place);
    this.#length += insert - gone;
  }

  /** Makes room for `length` points: moves to the front, or to arrays of twice the need. */
  #reserve(length: number): void {
    if (this.#head + length <= this.#x.length) return;
    const roomy = length * 2 <= this.#x.length;
    const x = roomy ? this.#x : new Float64Array(length * 2);
    const y = roomy ? this.#y : new Float64Array(length * 2);
    x.set(this.x, 0);
    y.set(this.y, 0);
    this.#x = x;
    this.#y = y;
    this.#head = 0;
  }
}
