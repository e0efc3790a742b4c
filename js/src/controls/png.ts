/** The plot as a PNG: the svg with its computed styles, the title and the legend, on a canvas. */
import type { Look, Plot } from "../renderer/base";
import { drawSwatch, SWATCH_PX } from "./swatch";

const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "stroke-opacity",
  "opacity",
  "display",
  "visibility",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "shape-rendering",
];
const HEADER_PX = 30;
const FOOTER_PX = 28;

export interface PngText {
  title: string;
  series: { name: string; look: Look }[];
  note: string;
}

/** A PNG of `plot` at the screen's resolution. Rejects where the browser cannot draw the svg. */
export async function pngOf(plot: Plot, text: PngText): Promise<ArrayBuffer> {
  const { width, height } = plot.el.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round((height + HEADER_PX + FOOTER_PX) * ratio);
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.scale(ratio, ratio);
  const ink = getComputedStyle(plot.el);
  context.fillStyle = background(plot.el);
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const layer of plot.layers()) {
    if (layer instanceof HTMLCanvasElement) {
      const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = layer;
      context.drawImage(layer, offsetLeft, HEADER_PX + offsetTop, offsetWidth, offsetHeight);
      continue;
    }
    context.drawImage(await picture(layer, width, height), 0, HEADER_PX, width, height);
  }
  write(context, text, ink, HEADER_PX + height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (blob === null) throw new Error("the browser could not make a PNG of this size");
  return blob.arrayBuffer();
}

function background(el: Element): string {
  for (let at: Element | null = el; at !== null; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color !== "rgba(0, 0, 0, 0)" && color !== "transparent") return color;
  }
  return "white";
}

async function picture(
  svg: SVGSVGElement,
  width: number,
  height: number,
): Promise<CanvasImageSource> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const from = svg.querySelectorAll<SVGElement>("*");
  copy.querySelectorAll<SVGElement>("*").forEach((node, i) => {
    const style = getComputedStyle(from[i] as SVGElement);
    for (const name of STYLES) node.style.setProperty(name, style.getPropertyValue(name));
  });
  const image = new Image();
  const source = new XMLSerializer().serializeToString(copy);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`;
  await image.decode();
  return image;
}

function write(
  context: CanvasRenderingContext2D,
  text: PngText,
  ink: CSSStyleDeclaration,
  bottom: number,
): void {
  context.textBaseline = "middle";
  context.fillStyle = ink.color;
  context.font = `600 14px ${ink.fontFamily}`;
  context.fillText(text.title, 12, HEADER_PX / 2);
  context.font = `12px ${ink.fontFamily}`;
  let x = 12;
  for (const { name, look } of text.series) {
    drawSwatch(context, look, x, bottom + FOOTER_PX / 2);
    x += SWATCH_PX + 6;
    context.fillText(name, x, bottom + FOOTER_PX / 2);
    x += context.measureText(name).width + 18;
  }
  context.textAlign = "right";
  const right = context.canvas.width / (window.devicePixelRatio || 1) - 12;
  context.fillText(text.note, right, HEADER_PX / 2);
}
