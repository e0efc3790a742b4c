/** One chart of the page, shared by all its views: store, visible range, drawing, messages. */
import { type Alert, readAlerts } from "../data/alert";
import type { Frame } from "../data/frame";
import { type Status, WAITING } from "../data/status";
import type { Drawable } from "../link/clock";
import type { PageLink, Port } from "../link/page";
import type { Curve, Mark, Renderer } from "../renderer/base";
import { extent, YRange } from "../renderer/yrange";
import { ChartStore } from "../store/store";
import type { ChartAck, Save } from "../wire/messages";
import { DrawCounters } from "./counters";
import { looksOf, PLAIN, type Styled, type Styling } from "./looks";
import { Motion } from "./motion";
import { Viewport } from "./viewport";

/** What the runtime tells of itself; each view listens. */
export type Change = "alerts" | "drawn" | "series" | "state" | "status" | "zoom";

/** What the runtime knows of a view. */
export interface ViewPort {
  visible(): boolean;
  save(save: Save): Promise<void>;
}

const RANGE_PACE_MS = 80;
const SNAPSHOT_RETRY_MS = 2000;

export class ChartRuntime implements Port, Drawable {
  readonly store = new ChartStore();
  readonly viewport = new Viewport();
  readonly yRange = new YRange();
  readonly counters = new DrawCounters();
  readonly motion = new Motion();
  readonly views = new Set<ViewPort>();
  lastStatus: Status = WAITING;
  /** How each series is drawn. */
  looks: Styled[] = [];
  /** What the kernel tells of; null where it watches for none. */
  alerts: Alert[] | null = null;
  endReason: string | null = null;
  cap = 30;
  #hidden = new Set<string>();
  #styling: Styling = PLAIN;
  #styled = "";
  /** Those that are hidden since their style says so. */
  #hiddenByStyle = new Set<string>();
  #listeners = new Set<(change: Change) => void>();
  #drawnSequence = 0;
  /** When the events came that are drawn, but not yet in sight; NaN for none. */
  #unseen = Number.NaN;
  /** When the oldest event came that is not drawn yet; frames that came together have one each. */
  #arrival = Number.NaN;
  #asked = Number.NEGATIVE_INFINITY;
  #range: ReturnType<typeof setTimeout> | null = null;
  #rangeSent = Number.NEGATIVE_INFINITY;

  constructor(
    readonly chart: number,
    readonly page: PageLink,
    readonly renderer: Renderer,
    private saveFile: (name: string, mime: string, bytes: DataView) => void,
  ) {
    this.endReason = page.endReason;
  }

  /** Calls `listener` at each change until `signal` aborts. */
  listen(listener: (change: Change) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener));
  }

  // -- from the link

  frame(frame: Frame): void {
    const before = this.store.generation;
    const outcome = this.store.apply(frame);
    if (outcome === "gap") this.#askSnapshot();
    if (outcome !== "applied") return;
    const last = this.store.last as Frame;
    const older = this.#arrival <= last.arrival || Number.isNaN(last.arrival);
    if (!older && this.visible()) {
      this.#arrival = last.arrival;
    }
    if (last.snapshot) {
      this.#asked = Number.NEGATIVE_INFINITY;
      this.#look();
      this.#emit("series");
    }
    const zoomed = this.viewport.zoomed;
    const smooth = this.#smooth() && before === last.generation;
    const pace = smooth ? 1000 / this.cap : Number.POSITIVE_INFINITY;
    this.viewport.follow(last, performance.now(), pace);
    if (before !== last.generation) this.yRange.refit();
    if (zoomed !== this.viewport.zoomed) this.#emit("zoom");
    this.requestDraw();
  }

  status(status: Status): void {
    this.lastStatus = status;
    this.#emit("status");
    if (status.alerts === undefined) return;
    this.alerts = status.alerts === null ? null : readAlerts(status.alerts);
    this.#emit("alerts");
    this.requestDraw();
  }

  ended(reason: string): void {
    this.endReason = reason || "closed";
    this.#emit("state");
  }

  pageChanged(): void {
    this.sightChanged();
    this.#emit("state");
  }

  /** A view came into sight or went: to have waited out of sight is no latency. */
  sightChanged(): void {
    if (this.visible()) {
      this.requestDraw();
      return;
    }
    this.#arrival = Number.NaN;
    this.#unseen = Number.NaN;
  }

  watching(): boolean {
    return this.visible();
  }

  save(save: Save): void {
    const views = [...this.views];
    void (views.find((view) => view.visible()) ?? views[0])?.save(save);
  }

  download(name: string, mime: string, bytes: DataView): void {
    this.saveFile(name, mime, bytes);
  }

  ack(): ChartAck | null {
    return this.visible() ? this.counters.take(this.#drawnSequence) : null;
  }

  // -- from the controls

  isHidden(name: string): boolean {
    return this.#hidden.has(name);
  }

  /** Draws the series in other styles and colours from now on. */
  restyle(styling: Styling): void {
    this.#styling = styling;
    this.#look();
    this.#emit("series");
    this.requestDraw();
  }

  toggle(name: string): void {
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    this.yRange.refit();
    this.#emit("series");
    this.requestDraw();
  }

  /** Shows [start, stop], nanoseconds after the store's origin. */
  zoom(start: number, stop: number): void {
    if (!this.viewport.known) return;
    const token = this.viewport.zoom(start, stop, performance.now());
    this.yRange.refit();
    this.#sendRange(token, RANGE_PACE_MS);
    this.#emit("zoom");
    this.requestDraw();
  }

  /** Does what a person wants done about an alert, in the kernel. */
  act(action: "acknowledge" | "silence", { id }: Alert): void {
    this.page.send({ kind: "alert", chart: this.chart, action, alert: id });
  }

  backToLive(): void {
    if (!this.viewport.zoomed) return;
    if (this.endReason !== null) this.viewport.home();
    else this.#sendRange(this.viewport.live(performance.now()), 0);
    this.yRange.refit();
    this.#emit("zoom");
    if (this.endReason !== null) this.requestDraw();
  }

  requestDraw(): void {
    if (this.viewport.known && this.visible()) this.page.clock.request(this);
  }

  visible(): boolean {
    return [...this.views].some((view) => view.visible());
  }

  curves(): Curve[] {
    const { series } = this.store;
    return series.map(({ name, track }, i) => {
      // The edge of a band comes and goes with the series whose it is.
      const shown = series[this.looks[i]?.owner ?? i]?.name ?? name;
      return { x: track.x, y: track.y, visible: !this.#hidden.has(shown) };
    });
  }

  /** The alerts on the picture: what fires or has fired, from when its condition held. */
  marks(): Mark[] {
    const { origin } = this.viewport;
    return (this.alerts ?? [])
      .filter(({ state }) => state !== "pending")
      .map(({ since, time, state, priority }) => ({
        start: Number(since - origin),
        stop: state === "firing" ? Number.POSITIVE_INFINITY : Number(time - origin),
        level: priority,
        over: state !== "firing",
      }));
  }

  // -- drawing

  draw(now: number): void {
    const began = performance.now();
    const curves = this.curves();
    const gliding = this.viewport.advance(now);
    const { origin, start, stop } = this.viewport;
    this.yRange.update(extent(curves, start, stop), now, this.#smooth());
    const { low, high } = this.yRange;
    const marks = this.marks();
    this.renderer.draw({ curves, looks: this.looks, marks, origin, start, stop, low, high });
    const fresh = this.store.sequence !== this.#drawnSequence;
    this.#drawnSequence = this.store.sequence;
    this.counters.drew(performance.now() - began);
    const arrival = this.#inSight(fresh, gliding);
    this.page.clock.afterPaint(() => {
      this.counters.aged(Date.now() - arrival);
      this.renderer.took(performance.now() - began);
      this.motion.took(performance.now() - began);
    });
    this.#emit("drawn");
    if (gliding || this.yRange.moving) this.requestDraw();
  }

  /** When the events came that this drawing is the first to show: a glide may be short of them. */
  #inSight(fresh: boolean, gliding: boolean): number {
    const before = this.#unseen;
    if (fresh) {
      this.#unseen = this.#arrival;
      this.#arrival = Number.NaN;
    }
    if (gliding) return fresh ? before : Number.NaN;
    const oldest = Number.isNaN(before) ? this.#unseen : before;
    this.#unseen = Number.NaN;
    return oldest;
  }

  /** Where quality is given up already. */
  hurried(): boolean {
    return (this.lastStatus.quality?.level ?? 0) > 0;
  }

  /** Drawings between frames would take back what giving up quality has won. */
  #smooth(): boolean {
    return !this.hurried() && this.motion.allowed(this.renderer.way);
  }

  /** Works the looks out anew where series or styling have changed. */
  #look(): void {
    const series = this.store.series.map(({ name, column, key }) => ({ name, column, key }));
    const styled = JSON.stringify([series, this.#styling]);
    if (styled === this.#styled) return;
    this.#styled = styled;
    this.looks = looksOf(series, this.#styling);
    this.looks.forEach(({ hidden }, i) => {
      const { name } = this.store.series[i] as { name: string };
      if (hidden === this.#hiddenByStyle.has(name)) return;
      for (const names of [this.#hidden, this.#hiddenByStyle]) {
        if (hidden) names.add(name);
        else names.delete(name);
      }
    });
    this.yRange.refit();
  }

  #askSnapshot(): void {
    const now = performance.now();
    if (now - this.#asked < SNAPSHOT_RETRY_MS) return;
    this.#asked = now;
    this.page.send({ kind: "snapshot", chart: this.chart, have: this.store.sequence });
  }

  /** Sends the range as it is when the pace allows: a wheel turns faster than a kernel rebuilds. */
  #sendRange(token: number, pace: number): void {
    if (this.#range !== null) clearTimeout(this.#range);
    const wait = Math.max(0, this.#rangeSent + pace - performance.now());
    this.#range = setTimeout(() => {
      this.#range = null;
      this.#rangeSent = performance.now();
      const range = this.viewport.zoomed ? this.viewport.text() : null;
      this.page.send({ kind: "range", chart: this.chart, token, range });
    }, wait);
  }

  #emit(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}
