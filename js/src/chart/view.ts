/** One view of a chart in the page: toolbar, plot with hover and zoom, legend, performance strip. */

import { Banner } from "../alerts/banner";
import { sentence } from "../alerts/words";
import { Announcer } from "../controls/announce";
import { element, setAttribute } from "../controls/dom";
import { fileName, saveFile } from "../controls/download";
import { Hover } from "../controls/hover";
import { Legend } from "../controls/legend";
import { brief } from "../controls/numbers";
import { pngOf } from "../controls/png";
import { Sight } from "../controls/sight";
import { Toolbar } from "../controls/toolbar";
import { keyboard, pointerZoom } from "../controls/zoom";
import { byWeight, calls } from "../data/alert";
import type { WidgetModel } from "../link/jupyter";
import { Strip } from "../monitor/strip";
import { type Area, MARGIN, type Plot } from "../renderer/base";
import { Zone } from "../renderer/zone";
import type { Save } from "../wire/messages";
import { itemsOf } from "./items";
import type { Change, ChartRuntime, ViewPort } from "./runtime";
import { change, settingsOf, watch } from "./settings";
import { type Shown, shownState } from "./state";

/** What stands in the middle of a plot without data, by the chip's text; else that text does. */
const NO_DATA: Record<string, string> = {
  waiting: "Waiting for data",
  live: "Waiting for data",
};
const SUMMARY_MS = 5000;
const LEGEND_MS = 400;
/** Where the page has too much to do: figures that come slower are missed last. */
const LEGEND_HURRIED_MS = 1200;
const MOST_TOLD = 3;

export class ChartView implements ViewPort {
  #toolbar: Toolbar;
  #notice = element("div", "lw-notice", { role: "note" });
  #plot = element("div", "lw-plot lw-blank", { tabindex: 0, role: "img" });
  #stage = element("div", "lw-stage");
  #zoneLabel = element("div", "lw-zone");
  #yLabel = element("div", "lw-y-label");
  #empty = element("div", "lw-empty", {}, "Waiting for data");
  #legend: Legend;
  #strip: Strip;
  #hover: Hover;
  #announcer: Announcer;
  #banner: Banner;
  #sight: Sight;
  #opened: Plot | null = null;
  #zone = new Zone("UTC");
  #shown: Shown | null = null;
  #legendDue = 0;
  #summaryAt = Number.NEGATIVE_INFINITY;
  #noticed: string | null = null;

  constructor(
    private el: HTMLElement,
    private model: WidgetModel,
    private runtime: ChartRuntime,
    private signal: AbortSignal,
  ) {
    this.#strip = new Strip(
      (action, finding) =>
        runtime.page.send({ kind: "advice", chart: runtime.chart, action, finding }),
      false,
      () => this.#zone,
    );
    this.#toolbar = this.#makeToolbar();
    this.#legend = new Legend((name) => runtime.toggle(name));
    const area = () => this.#area();
    this.#hover = new Hover(runtime, area, () => this.#zone);
    this.#announcer = new Announcer(signal);
    this.#banner = new Banner(
      (action, alert) => runtime.act(action, alert),
      (text) => this.#announcer.say(text),
    );
    this.#build();
    pointerZoom(this.#stage, runtime, area, this.#hover, signal);
    keyboard(this.#plot, runtime, () => this.#togglePause(), signal);
    this.#sight = new Sight(
      this.#plot,
      runtime.page,
      runtime.chart,
      () => this.#area().width || null,
      () => this.#seen(),
      signal,
    );
    runtime.views.add(this);
    signal.addEventListener("abort", () => runtime.views.delete(this));
    runtime.listen((what) => this.#changed(what), signal);
    watch(model, () => this.#settingsChanged(), signal);
    this.#settingsChanged();
    this.#changed("series");
    this.#changed("status");
    this.#changed("zoom");
    this.#summarise(Number.NEGATIVE_INFINITY);
  }

  /** Opens the plot; resolves when it can be drawn on. */
  async open(): Promise<void> {
    this.#opened = await this.runtime.renderer.open(this.#plot, this.signal);
    this.#sight.tell();
    this.runtime.requestDraw();
  }

  visible(): boolean {
    return this.#opened !== null && this.#sight.visible;
  }

  /** Answers the kernel's wish for a picture. */
  async save({ chart, request }: Save): Promise<void> {
    const answer = { kind: "saved", chart, request } as const;
    try {
      this.runtime.page.send({ ...answer, error: "" }, [await this.#png()]);
    } catch (error) {
      this.runtime.page.send({ ...answer, error: String(error) });
    }
  }

  #build(): void {
    const { el } = this;
    el.classList.add("livewidget");
    this.#stage.style.inset = `${MARGIN.top}px ${MARGIN.right}px ${MARGIN.bottom}px ${MARGIN.left}px`;
    this.#stage.append(this.#hover.el, this.#yLabel, this.#zoneLabel, this.#empty);
    this.#plot.append(this.#stage);
    el.replaceChildren(
      this.#toolbar.el,
      this.#banner.el,
      this.#plot,
      element("div", "lw-foot", {}, this.#legend.el, this.#notice),
      this.#strip.el,
      this.#announcer.el,
      this.#banner.urgent,
    );
    const hook = { runtime: this.runtime, store: this.runtime.store, stats: () => this.#stats() };
    Object.defineProperty(el, "__livewidget", { value: hook, configurable: true });
    this.signal.addEventListener("abort", () => {
      Reflect.deleteProperty(el, "__livewidget");
      el.replaceChildren();
    });
  }

  #makeToolbar(): Toolbar {
    const { model, runtime } = this;
    return new Toolbar({
      pause: () => this.#togglePause(),
      window: (seconds) => change(model, "window", seconds),
      samplingRate: (hertz) => change(model, "sampling_rate", hertz),
      maxFps: (cap) => change(model, "max_fps", cap),
      live: () => runtime.backToLive(),
      csv: () => runtime.page.send({ kind: "export", chart: runtime.chart, format: "csv" }),
      png: () => void this.#savePng(),
    });
  }

  #togglePause(): void {
    if (this.runtime.endReason === null) {
      change(this.model, "paused", !settingsOf(this.model).paused);
    }
  }

  #settingsChanged(): void {
    const { model, runtime } = this;
    const settings = settingsOf(model);
    this.#toolbar.update(settings);
    runtime.cap = settings.maxFps;
    const height = Number(model.get("height")) || 320;
    this.#plot.style.height = `${height}px`;
    this.#zone = new Zone(String(model.get("tz") || "UTC"));
    this.#zoneLabel.textContent = this.#zone.name;
    this.#yLabel.textContent = String(model.get("y_label") ?? "");
    this.#strip.el.hidden = !model.get("monitor");
    this.#showState();
    this.#changed("series");
    this.#changed("alerts");
  }

  #area(): Area {
    const opened = this.#opened?.area();
    if (opened && opened.width > 0) return opened;
    const width = Math.max(0, this.#plot.clientWidth - MARGIN.left - MARGIN.right);
    const height = Math.max(0, this.#plot.clientHeight - MARGIN.top - MARGIN.bottom);
    return { left: MARGIN.left, top: MARGIN.top, width, height };
  }

  #changed(what: Change): void {
    if (what === "drawn") this.#drawn();
    else if (what === "series") this.#showLegend();
    else if (what === "alerts") this.#showAlerts();
    else if (what === "zoom") this.#toolbar.setZoomed(this.runtime.viewport.zoomed);
    else this.#showState();
    if (what === "status") this.#showStatus();
  }

  #seen(): void {
    this.runtime.sightChanged();
  }

  #drawn(): void {
    if (!this.visible()) return;
    const { store, counters } = this.runtime;
    const now = performance.now();
    const { dataset } = this.el;
    setAttribute(this.el, "data-generation", String(store.generation));
    setAttribute(this.el, "data-renderer", this.runtime.renderer.way);
    dataset.sequence = String(store.sequence);
    dataset.frames = String(counters.total);
    this.#showBlank(!store.series.some(({ track }) => track.length > 0));
    this.#hover.refresh();
    if (now >= this.#legendDue) this.#showLegend();
    if (now - this.#summaryAt >= SUMMARY_MS) this.#summarise(now);
  }

  #showBlank(blank: boolean): void {
    if (this.#empty.hidden !== blank) return;
    this.#empty.hidden = !blank;
    this.#plot.classList.toggle("lw-blank", blank);
  }

  #showLegend(): void {
    // Charts have turns of their own: all legends at once would make that frame of the page late.
    const pace = this.runtime.hurried() ? LEGEND_HURRIED_MS : LEGEND_MS;
    this.#legendDue = performance.now() + pace * (0.75 + Math.random() / 2);
    this.#legend.update(itemsOf(this.runtime));
  }

  #showAlerts(): void {
    const { alerts, endReason } = this.runtime;
    this.#banner.update(alerts, this.#zone, endReason === null);
    this.#summarise(performance.now());
  }

  #summarise(now: number): void {
    this.#summaryAt = now;
    const shown = itemsOf(this.runtime).filter(({ visible }) => visible);
    const series = shown.map(({ name, latest }) => `${name} ${brief(latest)}`);
    const title = settingsOf(this.model).title || "Live chart";
    const state = this.#shown?.text ?? "";
    const latest = series.length > 0 ? `. Latest: ${series.join(", ")}` : "";
    const { notice } = this.runtime.lastStatus;
    const calling = (this.runtime.alerts ?? []).filter(calls).sort(byWeight);
    const alerts = calling.slice(0, MOST_TOLD).map((alert) => `. ${sentence(alert, this.#zone)}`);
    this.#plot.setAttribute(
      "aria-label",
      `${title}, ${state}${latest}${notice && `. ${notice}`}${alerts.join("")}`,
    );
  }

  #showState(): void {
    const { runtime } = this;
    const { paused } = settingsOf(this.model);
    const { endReason, page } = runtime;
    const shown = shownState(runtime.lastStatus, { endReason, silent: page.silent, paused });
    this.#sight?.tell();
    if (shown.text === this.#shown?.text) return;
    this.#shown = shown;
    this.el.dataset.state = shown.state;
    this.#toolbar.chip.textContent = shown.text;
    this.#toolbar.chip.title = shown.text;
    this.#empty.textContent = NO_DATA[shown.text] ?? shown.text;
    this.#announcer.say(shown.text, "state");
    if (shown.state !== "ended" || endReason === null) return;
    this.#toolbar.disable();
    this.#showAlerts();
  }

  #showStatus(): void {
    const { lastStatus, store } = this.runtime;
    const own = this.runtime.renderer.notice;
    const notes = [lastStatus.notice, own, ...store.meta.notes].filter((note) => note !== "");
    this.#announce(lastStatus.notice);
    this.#notice.textContent = notes.join(" · ");
    this.#notice.title = notes.join("\n");
    this.#notice.hidden = notes.length === 0;
    if (!this.#strip.el.hidden && this.visible()) this.#strip.update(lastStatus);
  }

  /** Says a notice once: its numbers may go on changing while it stands. */
  #announce(notice: string): void {
    const kind = notice === "" ? null : (notice.split(/\d/, 1)[0] as string);
    if (kind !== null && kind !== this.#noticed) this.#announcer.say(notice);
    this.#noticed = kind;
  }

  async #png(): Promise<ArrayBuffer> {
    if (this.#opened === null) throw new Error("the plot is not open");
    const { title } = settingsOf(this.model);
    const series = itemsOf(this.runtime).filter(({ visible }) => visible);
    return pngOf(this.#opened, { title, series, note: this.#zone.name });
  }

  async #savePng(): Promise<void> {
    try {
      const name = `${fileName(settingsOf(this.model).title)}.png`;
      saveFile(name, "image/png", await this.#png());
    } catch (error) {
      this.#announcer.say(`No PNG: ${String(error)}`);
    }
  }

  #stats(): object {
    const { store, counters, viewport, yRange } = this.runtime;
    return {
      state: this.#shown?.state,
      generation: store.generation,
      sequence: store.sequence,
      frames: counters.total,
      points: store.series.map(({ track }) => track.length),
      zoomed: viewport.zoomed,
      start: viewport.start,
      stop: viewport.stop,
      low: yRange.low,
      high: yRange.high,
      visible: this.visible(),
      area: this.#area(),
    };
  }
}
