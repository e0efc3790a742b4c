/** A look in little: beside a series' name, in the page and on a canvas. */
import type { Look } from "../renderer/base";
import { element } from "./dom";

export const SWATCH_PX = 14;
const BAND_PX = 10;
const BAND_ALPHA = 0.22;

export function swatch({ shape, color, bands }: Look): HTMLElement {
  const banded = bands.length > 0 ? " lw-banded" : "";
  const made = element("span", `lw-swatch lw-as-${shape}${banded}`, { "aria-hidden": "true" });
  made.style.color = color;
  return made;
}

/** Draws the same with its left edge at `x` and its middle at `y`. */
export function drawSwatch(
  context: CanvasRenderingContext2D,
  { shape, color, bands }: Look,
  x: number,
  y: number,
): void {
  context.save();
  context.fillStyle = color;
  context.strokeStyle = color;
  if (bands.length > 0) {
    context.globalAlpha = BAND_ALPHA;
    context.fillRect(x, y - BAND_PX / 2, SWATCH_PX, BAND_PX);
    context.globalAlpha = 1;
  }
  const middle = x + SWATCH_PX / 2;
  context.beginPath();
  if (shape === "line") {
    context.fillRect(x, y - 1.5, SWATCH_PX, 3);
  } else if (shape === "dashed") {
    context.fillRect(x, y - 1.5, 6, 3);
    context.fillRect(x + SWATCH_PX - 6, y - 1.5, 6, 3);
  } else if (shape === "diamonds") {
    context.moveTo(middle - 5, y);
    for (const [px, py] of [
      [0, -5],
      [5, 0],
      [0, 5],
    ] as const) {
      context.lineTo(middle + px, y + py);
    }
    context.fill();
  } else {
    context.lineWidth = 2;
    context.arc(middle, y, shape === "rings" ? 4 : 3, 0, 2 * Math.PI);
    if (shape === "rings") context.stroke();
    else context.fill();
  }
  context.restore();
}
