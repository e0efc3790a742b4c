/** Draws with bqplot's own marks, scales and axes: the models of the installed extension. */
import {
  announceAttached,
  freeWhenClosed,
  openView,
  type PageModel,
  type WidgetModel,
} from "../link/jupyter";
import { type Look, MARGIN, type Picture, type Plot, type Renderer } from "./base";
import { BqplotPlot, epochMs } from "./bqplot-plot";
import { type Way, Ways, type Wish } from "./ways";
import { Zone } from "./zone";

/** What we use of bqplot's Lines model. */
interface LinesModel extends PageModel {
  dirty?: boolean;
}

const NORMAL_PX = 1.5;
/** Browsers draw lines of one pixel and less by a much faster way: 33 frames a second, not 20. */
const THIN_PX = 1;
/** Points in sight from which that matters without a graphics card. */
const CROWDED = 1500;

/** Sets `values` in the page alone: they must not go to the kernel with a later change. */
function setHere(model: PageModel, values: Record<string, unknown>): void {
  model.set(values);
  for (const name of Object.keys(values)) delete model._buffered_state_diff?.[name];
}

export class BqplotRenderer implements Renderer {
  #plots = new Set<BqplotPlot>();
  #lines: LinesModel;
  #x: PageModel;
  #y: PageModel;
  #zone = new Zone("UTC");
  #curves = 0;
  #thin = false;
  #last: Picture | null = null;
  #looks: Look[] = [];
  #ways = new Ways();

  constructor(
    private model: WidgetModel,
    private figure: PageModel,
  ) {
    this.#lines = (figure.get("marks") as LinesModel[])[0] as LinesModel;
    const scales = this.#lines.get("scales") as { x: PageModel; y: PageModel };
    this.#x = scales.x;
    this.#y = scales.y;
    for (const scale of [this.#x, this.#y]) setHere(scale, { allow_padding: false });
    setHere(this.#lines, { stroke_width: NORMAL_PX });
    setHere(figure, { fig_margin: MARGIN, padding_x: 0, padding_y: 0, animation_duration: 0 });
    const held = ["marks", "axes"].flatMap((name) => figure.get(name) as PageModel[]);
    const others = ["scale_x", "scale_y", "layout"].map((name) => figure.get(name));
    for (const each of [figure, this.#x, this.#y, ...held, ...(others as PageModel[])]) {
      if (each) freeWhenClosed(each);
    }
  }

  setZone(name: string): void {
    this.#zone = new Zone(name);
    this.#again();
  }

  get way(): Way {
    return this.#ways.way;
  }

  get notice(): string {
    const { failure } = this.#ways;
    return failure && `Drawn without the canvas: ${failure}.`;
  }

  prefer(wish: Wish): void {
    if (this.#ways.want(wish)) this.#again();
  }

  took(ms: number): void {
    if (this.#ways.took(ms)) this.#again();
  }

  async open(host: HTMLElement, signal: AbortSignal): Promise<Plot> {
    await sized(host, signal);
    const view = await openView(this.model, this.figure);
    if (signal.aborted) view.remove();
    signal.throwIfAborted();
    const plot = new BqplotPlot(
      view,
      () => this.#zone,
      (why) => this.#lost(why),
    );
    signal.addEventListener("abort", () => {
      this.#plots.delete(plot);
      plot.close();
    });
    host.append(view.el);
    announceAttached(view);
    await plot.ready(signal);
    this.#plots.add(plot);
    this.#again();
    return plot;
  }

  draw(picture: Picture): void {
    this.#last = picture;
    const fast = [...this.#plots].every((plot) => plot.fast);
    this.#setColors(picture);
    this.#setCurves(picture, fast);
    this.#setWeight(picture);
    // A dirty mark does not answer its scales' changes: everything is drawn once, at the end.
    this.#lines.dirty = true;
    const { low, high } = picture;
    setHere(this.#x, {
      min: epochMs(picture, picture.start),
      max: epochMs(picture, picture.stop),
    });
    setHere(this.#y, { min: low, max: high });
    this.#lines.dirty = false;
    if (!fast) this.#setPoints(picture);
    const weight = this.#thin ? THIN_PX : NORMAL_PX;
    for (const plot of this.#plots) plot.draw(picture, this.way, weight);
  }

  #again(): void {
    if (this.#last) this.draw(this.#last);
  }

  /** A canvas is lost, for a reason, or found again: in a task of its own, not within a drawing. */
  #lost(why: string): void {
    const other = why ? this.#ways.failed(why) : this.#ways.mended();
    if (other) queueMicrotask(() => this.#again());
  }

  #setColors({ looks }: Picture): void {
    if (looks === this.#looks || looks.length === 0) return;
    this.#looks = looks;
    setHere(this.#lines, { colors: looks.map(({ color }) => color) });
  }

  /** Makes bqplot hold as many curves as there are; in the fast way they are only place holders. */
  #setCurves(picture: Picture, fast: boolean): void {
    if (!fast || picture.curves.length === this.#curves) return;
    this.#curves = picture.curves.length;
    const x = picture.curves.map(() => [epochMs(picture, outOfSight(picture))]);
    setHere(this.#lines, { x, y: x.map(() => [picture.low]) });
  }

  /** Thins the lines of a crowded picture, and thickens them again well below that. */
  #setWeight({ curves }: Picture): void {
    const points = curves.reduce((sum, { x, visible }) => sum + (visible ? x.length : 0), 0);
    const thin = points > (this.#thin ? CROWDED / 2 : CROWDED);
    if (thin === this.#thin) return;
    this.#thin = thin;
    setHere(this.#lines, { stroke_width: thin ? THIN_PX : NORMAL_PX });
  }

  /** The plain way: bqplot gets copies of the points and draws them itself. */
  #setPoints(picture: Picture): void {
    this.#curves = -1;
    const shown = picture.curves.map((curve, i) => {
      const plain = picture.looks[i]?.shape === "line";
      if (plain && curve.visible && curve.x.length > 0) return curve;
      return { x: Float64Array.of(outOfSight(picture)), y: Float64Array.of(picture.low) };
    });
    const base = epochMs(picture, 0);
    const x = shown.map((curve) => curve.x.map((offset) => base + offset / 1e6));
    setHere(this.#lines, { x, y: shown.map((curve) => curve.y.slice()) });
  }
}

/** An x left of the picture. bqplot fails on a curve without a point that it can place. */
function outOfSight({ start, stop }: Picture): number {
  return start - (stop - start);
}

/** Resolves once `el` stands in the document and has a width. */
function sized(el: HTMLElement, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const observer = new ResizeObserver(() => {
      if (el.clientWidth === 0 || el.clientHeight === 0) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(el);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      reject(signal.reason);
    });
  });
}
