/** The curves on a canvas that covers the plot's area, between bqplot's axes and our flags. */
import { bandOf, diamondsOf, dotsOf, ringsOf } from "./areas";
import type { Area, Curve, Look, Picture, Shape } from "./base";
import { type Pen, strokeOf } from "./strokes";

/** As the style sheet has them for svg: here it does not reach. */
const DASHED_PX = 1.6;
const DASHES = [6, 4];
/** Points of a line that are stroked at once: see `Pieces`. */
const PIECE = 16;
const BAND_OPACITY = 0.16;
const RING_OPACITY = 0.25;

const MARKERS: Partial<Record<Shape, (curve: Curve, picture: Picture, area: Area) => string>> = {
  dots: dotsOf,
  rings: ringsOf,
  diamonds: diamondsOf,
};

export class CanvasLayer {
  readonly el = document.createElement("canvas");
  #context: CanvasRenderingContext2D | null;
  #size = "";

  /** `lost` and `found` are called where the browser takes the bitmap away and gives it back. */
  constructor(lost: () => void, found: () => void) {
    this.el.className = "lw-canvas";
    this.#context = this.el.getContext("2d");
    this.el.addEventListener("contextlost", lost);
    this.el.addEventListener("contextrestored", found);
  }

  /** Whether it can be drawn on. */
  get works(): boolean {
    return this.#context !== null && this.#context.isContextLost?.() !== true;
  }

  clear(): void {
    this.#context?.clearRect(0, 0, this.el.width, this.el.height);
  }

  /** Draws the curves and bands of `picture`; lines are `weight` pixels wide. */
  draw(picture: Picture, area: Area, weight: number): void {
    const context = this.#context;
    if (context === null) return;
    this.#fit(context, area);
    context.clearRect(0, 0, area.width, area.height);
    this.#bands(context, picture, area);
    context.lineCap = "round";
    context.lineJoin = "bevel";
    context.lineWidth = weight;
    this.#each(picture, "line", ({ color }, curve) => {
      stroke(context, color, curve, picture, area, new Pieces(context));
    });
    context.lineCap = "butt";
    context.lineJoin = "round";
    context.lineWidth = DASHED_PX;
    context.setLineDash(DASHES);
    this.#each(picture, "dashed", ({ color }, curve) => {
      stroke(context, color, curve, picture, area);
    });
    context.setLineDash([]);
    this.#markers(context, picture, area);
  }

  #bands(context: CanvasRenderingContext2D, { looks, curves, ...rest }: Picture, area: Area): void {
    context.globalAlpha = BAND_OPACITY;
    for (const { bands, color } of looks) {
      for (const [low, high] of bands) {
        const [lower, upper] = [curves[low], curves[high]];
        if (!lower?.visible || !upper) continue;
        context.fillStyle = color;
        context.fill(new Path2D(bandOf(lower, upper, { looks, curves, ...rest }, area)));
      }
    }
    context.globalAlpha = 1;
  }

  #markers(context: CanvasRenderingContext2D, picture: Picture, area: Area): void {
    const paper = getComputedStyle(this.el).getPropertyValue("--lw-paper") || "white";
    for (const [shape, write] of Object.entries(MARKERS) as [Shape, typeof dotsOf][]) {
      this.#each(picture, shape, ({ color }, curve) => {
        const path = new Path2D(write(curve, picture, area));
        context.fillStyle = color;
        context.strokeStyle = shape === "diamonds" ? paper : color;
        context.lineWidth = shape === "diamonds" ? 1 : 2;
        context.globalAlpha = shape === "rings" ? RING_OPACITY : 1;
        context.fill(path);
        context.globalAlpha = 1;
        if (shape !== "dots") context.stroke(path);
      });
    }
  }

  /** Calls `draw` with each visible curve of a shape. */
  #each({ curves, looks }: Picture, shape: Shape, draw: (look: Look, curve: Curve) => void): void {
    looks.forEach((look, i) => {
      const curve = curves[i];
      if (look.shape === shape && curve?.visible) draw(look, curve);
    });
  }

  /** Has the bitmap lie on the area, with a pixel of its own for each of the screen's. */
  #fit(context: CanvasRenderingContext2D, { left, top, width, height }: Area): void {
    const ratio = window.devicePixelRatio || 1;
    const size = `${left} ${top} ${width} ${height} ${ratio}`;
    if (size === this.#size) return;
    this.#size = size;
    this.el.width = Math.round(width * ratio);
    this.el.height = Math.round(height * ratio);
    const style = { left, top, width, height };
    for (const [name, value] of Object.entries(style)) {
      this.el.style.setProperty(name, `${value}px`);
    }
    context.setTransform(this.el.width / width, 0, 0, this.el.height / height, 0, 0);
  }
}

function stroke(
  context: CanvasRenderingContext2D,
  color: string,
  curve: Curve,
  picture: Picture,
  area: Area,
  pen: Pen = context,
): void {
  context.strokeStyle = color;
  context.beginPath();
  strokeOf(pen, curve, picture, area);
  context.stroke();
}

/** Strokes a long line piece by piece: as a whole it takes a rasteriser more than twice as long. */
class Pieces implements Pen {
  #count = 0;

  constructor(private context: CanvasRenderingContext2D) {}

  moveTo(x: number, y: number): void {
    this.context.moveTo(x, y);
  }

  lineTo(x: number, y: number): void {
    this.context.lineTo(x, y);
    this.#count += 1;
    if (this.#count < PIECE) return;
    this.#count = 0;
    this.context.stroke();
    this.context.beginPath();
    this.context.moveTo(x, y);
  }
}
