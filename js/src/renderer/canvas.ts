/** The curves on a canvas that covers the plot's area, between bqplot's axes and our flags. */
import { bandOf, diamondsOf, dotsOf, ringsOf } from "./areas";
import type { Area, Curve, Look, Picture, Shape } from "./base";
import { pathOf } from "./path";
import { type Ink, pixelsOf, Raster } from "./raster";

/** As the style sheet has them for svg: here it does not reach. */
const DASHED_PX = 1.6;
const DASHES = [6, 4];
const BAND_OPACITY = 0.16;
const RING_OPACITY = 0.25;
const MOST_INKS = 256;

const MARKERS: Partial<Record<Shape, (curve: Curve, picture: Picture, area: Area) => string>> = {
  dots: dotsOf,
  rings: ringsOf,
  diamonds: diamondsOf,
};

export class CanvasLayer {
  readonly el = document.createElement("canvas");
  #context: CanvasRenderingContext2D | null;
  #raster: Raster | null = null;
  #inks = new Inks();
  #size = "";
  #ratio = 1; // pixels of the screen for each of the page

  /** `lost` and `found` are called where the browser takes the bitmap away and gives it back. */
  constructor(lost: () => void, found: () => void) {
    this.el.className = "lw-canvas";
    this.#context = this.el.getContext("2d");
    this.el.addEventListener("contextlost", lost);
    this.el.addEventListener("contextrestored", () => {
      this.#size = ""; // a new bitmap knows nothing of the scale that was set
      found();
    });
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
    this.#lines(context, picture, weight);
    this.#bands(context, picture, area);
    context.lineWidth = DASHED_PX;
    context.setLineDash(DASHES);
    this.#each(picture, "dashed", ({ color }, curve) => {
      context.strokeStyle = color;
      context.stroke(new Path2D(pathOf(curve, picture, area)));
    });
    context.setLineDash([]);
    this.#markers(context, picture, area);
  }

  /** Puts the lines in the place of all that was there. */
  #lines(context: CanvasRenderingContext2D, picture: Picture, weight: number): void {
    const raster = this.#raster as Raster;
    raster.clear();
    this.#each(picture, "line", ({ color }, curve) => {
      raster.draw(curve, picture, weight * this.#ratio, this.#inks.of(color));
    });
    context.putImageData(new ImageData(raster.bytes, raster.width), 0, 0);
  }

  #bands(context: CanvasRenderingContext2D, { looks, curves, ...rest }: Picture, area: Area): void {
    context.globalCompositeOperation = "destination-over"; // beneath the lines
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
    context.globalCompositeOperation = "source-over";
  }

  #markers(context: CanvasRenderingContext2D, picture: Picture, area: Area): void {
    for (const [shape, write] of Object.entries(MARKERS) as [Shape, typeof dotsOf][]) {
      this.#each(picture, shape, ({ color }, curve) => {
        const path = new Path2D(write(curve, picture, area));
        context.fillStyle = color;
        context.strokeStyle = shape === "diamonds" ? this.#paper() : color;
        context.lineWidth = shape === "diamonds" ? 1 : 2;
        context.globalAlpha = shape === "rings" ? RING_OPACITY : 1;
        context.fill(path);
        context.globalAlpha = 1;
        if (shape !== "dots") context.stroke(path);
      });
    }
  }

  /** The colour of the ground. Asked for only where it is drawn with: the page is styled for it. */
  #paper(): string {
    return getComputedStyle(this.el).getPropertyValue("--lw-paper") || "white";
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
    this.#ratio = ratio;
    [this.el.width, this.el.height] = pixelsOf({ left, top, width, height }, ratio);
    this.#raster = new Raster(this.el.width, this.el.height);
    const style = { left, top, width, height };
    for (const [name, value] of Object.entries(style)) {
      this.el.style.setProperty(name, `${value}px`);
    }
    context.setTransform(this.el.width / width, 0, 0, this.el.height / height, 0, 0);
  }
}

/** What colours are as ink: the browser knows all the ways to write one. */
class Inks {
  #known = new Map<string, Ink>();
  #pixel: CanvasRenderingContext2D | null = null;

  of(color: string): Ink {
    let ink = this.#known.get(color);
    if (ink === undefined) {
      if (this.#known.size >= MOST_INKS) this.#known.clear();
      ink = this.#ask(color);
      this.#known.set(color, ink);
    }
    return ink;
  }

  #ask(color: string): Ink {
    this.#pixel ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const pixel = this.#pixel;
    if (pixel === null) return { rgb: 0, alpha: 255 };
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = color;
    pixel.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0, alpha = 255] = pixel.getImageData(0, 0, 1, 1).data;
    return { rgb: (blue << 16) | (green << 8) | red, alpha };
  }
}
