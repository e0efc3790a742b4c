/** The time lines side by side. What is read of one moment is read of all of them. */
import { element, setText } from "../controls/dom";
import type { Status } from "../data/status";
import { timeOfDay } from "../renderer/ticks";
import { LOCAL, type Zone } from "../renderer/zone";
import { FIGURES } from "./figures";
import { KEPT, LAST } from "./history";
import { stepOf, take } from "./steps";
import { TimeLine } from "./timeline";

const KEYS = "left and right move in time, up and down from line to line";

export class TimeLines {
  readonly el = element("div", "lw-grid", { role: "group", "aria-label": `Figures: ${KEYS}` });
  #lines = FIGURES.map((figure) => new TimeLine(figure));
  /** When each sample came, ms since the epoch. */
  #times: number[] = [];
  #moment = element("span", "lw-moment", { "aria-hidden": "true" });
  /** How many samples ago is read; null where nothing is. */
  #back: number | null = null;
  /** A marker under the pointer stays there while time goes by; else it stays with its sample. */
  #pointed = false;
  #focused: TimeLine | null = null;
  #last: Status | null = null;

  /** `zone` is that of the times: the browser's own, or the chart's. */
  constructor(private zone: () => Zone = () => LOCAL) {
    this.el.append(...this.#lines.map(({ el }) => el));
    (this.#lines[0] as TimeLine).pad.tabIndex = 0;
    this.el.addEventListener("pointermove", (event) => this.#point(event));
    this.el.addEventListener("pointerleave", () => this.#leave());
    this.el.addEventListener("focusin", ({ target }) => this.#focus(this.#lineOf(target)));
    this.el.addEventListener("focusout", (event) => this.#blur(event));
    this.el.addEventListener("keydown", (event) => this.#press(event));
  }

  /** Keeps the status of `now` (ms since the epoch). */
  add(status: Status, now: number): void {
    this.#last = status;
    this.#times.push(now);
    if (this.#times.length > KEPT) this.#times.shift();
    for (const line of this.#lines) line.add(status);
    if (this.#back !== null && !this.#pointed) this.#back = this.#within(this.#back + 1);
  }

  show(): void {
    const last = this.#last;
    if (last === null) return;
    for (const line of this.#lines) {
      line.show(last, this.#back);
      // Who listens is told when the marker moves, and not twice a second.
      if (line !== this.#focused) line.tell(null, "");
    }
    this.#say();
  }

  #point(event: PointerEvent): void {
    const line = this.#lineOf(event.target);
    const { width } = line?.pad.getBoundingClientRect() ?? { width: 0 };
    if (line === null || width === 0) {
      this.#leave();
      return;
    }
    this.#pointed = true;
    const share = 1 - event.offsetX / width;
    this.#read(this.#within(Math.round(share * LAST)), line);
  }

  #leave(): void {
    this.#pointed = false;
    const line = this.#focused;
    this.#read(line === null ? null : this.#back, line);
    this.#tell();
  }

  #focus(line: TimeLine | null): void {
    if (line === null) return;
    for (const each of this.#lines) each.pad.tabIndex = each === line ? 0 : -1;
    this.#focused = line;
    this.#read(this.#back ?? 0, line);
    this.#tell();
  }

  #blur({ relatedTarget }: FocusEvent): void {
    this.#focused?.tell(null, "");
    this.#focused = null;
    const stays = this.#pointed || this.#lineOf(relatedTarget) !== null;
    if (!stays) this.#read(null, null);
  }

  #press(event: KeyboardEvent): void {
    const line = this.#focused;
    if (line === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const aside = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (aside !== undefined) {
      take(event);
      this.#lines[this.#lines.indexOf(line) + aside]?.pad.focus();
      return;
    }
    const last = Math.max(0, this.#times.length - 1);
    const to = stepOf(event, last - (this.#back ?? 0), last);
    if (to === null) return;
    take(event);
    this.#pointed = false;
    this.#read(last - to, line);
    this.#tell();
  }

  #read(back: number | null, line: TimeLine | null): void {
    if (line === null) this.#moment.remove();
    else line.head.append(this.#moment);
    if (back === this.#back || this.#last === null) return;
    this.#back = back;
    this.el.classList.toggle("lw-reading", back !== null);
    for (const each of this.#lines) each.mark(this.#last, back);
    this.#say();
  }

  #tell(): void {
    this.#focused?.tell(this.#back ?? 0, this.#time());
  }

  /** The time, beside the name of the line that is read: there it covers nothing. */
  #say(): void {
    if (this.#back !== null) setText(this.#moment, this.#time());
  }

  #time(): string {
    const time = this.#times[this.#times.length - 1 - (this.#back ?? 0)];
    return time === undefined ? "nothing known yet" : timeOfDay(time, this.zone());
  }

  #within(back: number): number {
    return Math.max(0, Math.min(back, this.#times.length - 1));
  }

  #lineOf(target: EventTarget | null): TimeLine | null {
    return this.#lines.find(({ pad }) => pad === target) ?? null;
  }
}
