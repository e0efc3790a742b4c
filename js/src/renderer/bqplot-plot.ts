/** One bqplot figure view in the page: opened, patched, measured, drawn on. */
import type { PageView } from "../link/jupyter";
import { type Area, MARGIN, type Picture, type Plot } from "./base";
import { type FastAxis, patchAxis } from "./bqplot-axis";
import { type FastLines, patchLines } from "./bqplot-lines";
import { CanvasLayer } from "./canvas";
import { Layers } from "./layers";
import { pathOf } from "./path";
import { timeTicks, valueTicks } from "./ticks";
import type { Way } from "./ways";
import type { Zone } from "./zone";

/** What we use of bqplot's Figure view; the older name of a size comes second. */
interface FigureView extends PageView {
  rendered?: boolean;
  plotareaWidth?: number;
  plotarea_width?: number;
  plotareaHeight?: number;
  plotarea_height?: number;
  mark_views?: { views: Promise<unknown>[] };
  axis_views?: { views: Promise<unknown>[] };
  popper?: { destroy?(): void };
}

const TICK_WIDTH_PX = 92;
const TICK_HEIGHT_PX = 44;

/** Milliseconds since the epoch of a time in `picture`, as exact as a float64 can be. */
export function epochMs(picture: Pick<Picture, "origin">, offset: number): number {
  return Number(picture.origin / 1_000_000n) + (Number(picture.origin % 1_000_000n) + offset) / 1e6;
}

export class BqplotPlot implements Plot {
  /** Whether the curves are written by us; else bqplot draws what its models hold. */
  fast = false;
  #lines: FastLines | null = null;
  #axes: (FastAxis | null)[] = [];
  #layers: Layers | null = null;
  #canvas: CanvasLayer | null = null;
  #way: Way = "bqplot";
  #weight = 1;
  #picture: Picture | null = null;

  /** `lost` hears why the canvas cannot be drawn on, or, with nothing to say, that it can again. */
  constructor(
    readonly view: FigureView,
    private zone: () => Zone,
    private lost: (why: string) => void,
  ) {}

  get el(): HTMLElement {
    return this.view.el;
  }

  /** Resolves once bqplot has built the figure and it has been patched. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!(this.view.rendered && this.view.mark_views && this.view.axis_views)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      signal.throwIfAborted();
    }
    const marks = await Promise.all(this.view.mark_views.views);
    const axes = await Promise.all(this.view.axis_views.views);
    this.#lines = patchLines(marks[0], () => this.#write());
    this.#axes = axes.map(patchAxis);
    this.#layers = new Layers(this.el);
    this.fast = this.#lines !== null;
  }

  /** Takes the view away, with what bqplot itself leaves listening to the window. */
  close(): void {
    this.#picture = null;
    this.view.popper?.destroy?.();
    this.view.remove();
  }

  area(): Area {
    const width = this.view.plotareaWidth ?? this.view.plotarea_width ?? 0;
    const height = this.view.plotareaHeight ?? this.view.plotarea_height ?? 0;
    return { left: MARGIN.left, top: MARGIN.top, width, height };
  }

  layers(): (SVGSVGElement | HTMLCanvasElement)[] {
    return [
      ...this.el.querySelectorAll<SVGSVGElement | HTMLCanvasElement>(":scope > svg, .lw-canvas"),
    ];
  }

  /** Draws `picture` in a way, with lines of `weight` pixels. */
  draw(picture: Picture, way: Way, weight: number): void {
    this.#picture = picture;
    this.#way = way;
    this.#weight = weight;
    const { width, height } = this.area();
    const start = epochMs(picture, picture.start);
    const stop = epochMs(picture, picture.stop);
    const columns = Math.max(2, width / TICK_WIDTH_PX);
    const rows = Math.max(2, height / TICK_HEIGHT_PX);
    this.#axes[0]?.draw([start, stop], timeTicks(start, stop, columns, this.zone()), width);
    const { low, high } = picture;
    this.#axes[1]?.draw([low, high], valueTicks(low, high, rows), height);
    this.#write();
  }

  #write(): void {
    const picture = this.#picture;
    if (picture === null) return;
    const area = this.area();
    if (area.width <= 0 || area.height <= 0) return; // out of sight: it is drawn when it is seen
    const canvas = this.#way === "canvas" ? this.#onCanvas(picture, area) : null;
    if (canvas === null) this.#canvas?.clear();
    this.#lines?.write((i) => {
      const curve = picture.curves[i];
      const plain = canvas === null && picture.looks[i]?.shape === "line";
      return curve?.visible && plain ? pathOf(curve, picture, area) : "";
    });
    this.#layers?.draw(picture, area, canvas === null);
  }

  /** Draws the curves on the canvas; null where that cannot be. */
  #onCanvas(picture: Picture, area: Area): CanvasLayer | null {
    if (this.#canvas === null) {
      const lost = () => this.lost("the browser took the canvas away");
      this.#canvas = new CanvasLayer(lost, () => this.lost(""));
      if (!this.#canvas.works) this.lost("the browser gives no canvas");
      this.el.querySelector(":scope > .lw-over")?.before(this.#canvas.el);
    }
    if (!this.#canvas.works) return null;
    this.#canvas.draw(picture, area, this.#weight);
    return this.#canvas;
  }
}
