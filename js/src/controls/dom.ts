/** Makes elements. Whatever comes from outside goes in as text, never as HTML. */

type Attributes = Record<string, string | number | boolean>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** A 16 px icon drawn by one path in the text's colour. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", "aria-hidden": "true" })) {
    svg.setAttribute(name, value);
  }
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

export const ICONS = {
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  play: "M4.5 2.5v11l9-5.5z",
  live: "M2 3l6 5-6 5zM8 3l6 5-6 5z",
  file: "M7 2h2v6h2.5L8 11.5 4.5 8H7zM3 12h10v1.6H3z",
  image: "M2 3h12v10H2zM3.5 4.5v6l3-3 2 2 2.5-3 1.5 1.8V4.5zM6 5.2a1 1 0 1 1 0 2 1 1 0 0 1 0-2z",
  fold: "M4 6h8l-4 5z",
};

/** A real button with a name for everybody; `label` is also its tooltip. */
export function button(label: string, shape: string, pressed: () => void): HTMLButtonElement {
  const attributes = { type: "button", title: label, "aria-label": label };
  const made = element("button", "lw-button", attributes, icon(shape));
  made.addEventListener("click", pressed);
  return made;
}

/** Listens until `signal` aborts. */
export function on<K extends keyof HTMLElementEventMap>(
  target: HTMLElement,
  type: K,
  listener: (event: HTMLElementEventMap[K]) => void,
  signal: AbortSignal,
  options: AddEventListenerOptions = {},
): void {
  target.addEventListener(type, listener, { ...options, signal });
}

/** Touches the page only where the text is another. */
export function setText(target: HTMLElement | null, text: string): void {
  if (target !== null && target.textContent !== text) target.textContent = text;
}

/** Touches the page only where the value is another. */
export function setAttribute(target: Element, name: string, value: string): void {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}
