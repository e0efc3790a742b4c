/** Draws with bqplot's own marks, scales and axes: the models of the installed extension. */
import { announceAttached, openView, type PageModel, type WidgetModel } from "../link/jupyter";
import { MARGIN, type Picture, type Plot, type Renderer } from "./base";
import { BqplotPlot, epochMs } from "./bqplot-plot";
import { Zone } from "./zone";

/** What we use of bqplot's Lines model. */
interface LinesModel extends PageModel {
  dirty?: boolean;
}

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
  #last: Picture | null = null;

  constructor(
    private model: WidgetModel,
    private figure: PageModel,
  ) {
    this.#lines = (figure.get("marks") as LinesModel[])[0] as LinesModel;
    const scales = this.#lines.get("scales") as { x: PageModel; y: PageModel };
    this.#x = scales.x;
    this.#y = scales.y;
    for (const scale of [this.#x, this.#y]) setHere(scale, { allow_padding: false });
    setHere(this.#lines, { stroke_width: 1.5 });
    setHere(figure, { fig_margin: MARGIN, padding_x: 0, padding_y: 0, animation_duration: 0 });
  }

  setColors(colors: string[]): void {
    setHere(this.#lines, { colors });
  }

  setZone(name: string): void {
    this.#zone = new Zone(name);
    if (this.#last) this.draw(this.#last);
  }

  async open(host: HTMLElement, signal: AbortSignal): Promise<Plot> {
    await sized(host, signal);
    const view = await openView(this.model, this.figure);
    if (signal.aborted) view.remove();
    signal.throwIfAborted();
    const plot = new BqplotPlot(view, () => this.#zone);
    signal.addEventListener("abort", () => {
      this.#plots.delete(plot);
      view.remove();
    });
    host.append(view.el);
    announceAttached(view);
    await plot.ready(signal);
    this.#plots.add(plot);
    if (this.#last) this.draw(this.#last);
    return plot;
  }

  draw(picture: Picture): void {
    this.#last = picture;
    const fast = [...this.#plots].every((plot) => plot.fast);
    this.#setCurves(picture, fast);
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
    for (const plot of this.#plots) plot.draw(picture);
  }

  /** Makes bqplot hold as many curves as there are; in the fast way they are only place holders. */
  #setCurves(picture: Picture, fast: boolean): void {
    if (!fast || picture.curves.length === this.#curves) return;
    this.#curves = picture.curves.length;
    const at = epochMs(picture, picture.start);
    const x = picture.curves.map(() => [at]);
    setHere(this.#lines, { x, y: x.map(() => [null]) });
  }

  /** The plain way: bqplot gets copies of the points and draws them itself. */
  #setPoints(picture: Picture): void {
    this.#curves = -1;
    const shown = picture.curves.map((curve) => (curve.visible ? curve : { ...curve, ...EMPTY }));
    const base = epochMs(picture, 0);
    const x = shown.map((curve) => curve.x.map((offset) => base + offset / 1e6));
    setHere(this.#lines, { x, y: shown.map((curve) => curve.y.slice()) });
  }
}

// bqplot fails on a curve of no points; one that is not a number shows nothing.
const EMPTY = { x: Float64Array.of(0), y: Float64Array.of(Number.NaN) };

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
