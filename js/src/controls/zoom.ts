/** Wheel, drag, double click and keys: what range of time is looked at. */
import type { ChartRuntime } from "../chart/runtime";
import type { Area } from "../renderer/base";
import { on } from "./dom";
import type { Hover } from "./hover";

const WHEEL_STEP = 0.0015;
const WHEEL_PAN = 0.001;
const KEY_ZOOM = 1.4;
const KEY_PAN = 0.1;
/** A page scrolled by the wheel goes on scrolling when the chart comes under the pointer. */
const SCROLL_MS = 250;
/** A pointer that moves less than this was a click. */
const DRAG_PX = 3;

export function zoomAbout(runtime: ChartRuntime, share: number, factor: number): void {
  const { start, stop } = runtime.viewport;
  const at = start + share * (stop - start);
  runtime.zoom(at - (at - start) * factor, at + (stop - at) * factor);
}

export function panBy(runtime: ChartRuntime, share: number): void {
  const { start, stop } = runtime.viewport;
  const shift = share * (stop - start);
  runtime.zoom(start + shift, stop + shift);
}

/** Lets the pointer zoom and pan on `stage`, which covers the plot area. */
export function pointerZoom(
  stage: HTMLElement,
  runtime: ChartRuntime,
  area: () => Area,
  hover: Hover,
  signal: AbortSignal,
): void {
  const place = (event: MouseEvent) => event.clientX - stage.getBoundingClientRect().left;
  on(stage, "pointermove", (event) => hover.move(place(event)), signal);
  on(stage, "pointerleave", () => hover.move(null), signal);
  on(stage, "dblclick", () => runtime.backToLive(), signal);
  wheelZoom(stage, runtime, (event) => place(event) / area().width, signal);
  dragPan(stage, runtime, (event) => place(event) / area().width, signal);
}

/** The wheel zooms about the pointer; sideways it pans. `share`: where, from 0 to 1. */
function wheelZoom(
  stage: HTMLElement,
  runtime: ChartRuntime,
  share: (event: MouseEvent) => number,
  signal: AbortSignal,
): void {
  let scrolled = Number.NEGATIVE_INFINITY;
  const elsewhere = (event: WheelEvent) => {
    if (!stage.contains(event.target as Node)) scrolled = event.timeStamp;
  };
  const wheel = (event: WheelEvent) => {
    if (event.timeStamp - scrolled < SCROLL_MS) {
      scrolled = event.timeStamp;
      return;
    }
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const { deltaX, deltaY } = event;
    if (deltaX === 0 && deltaY === 0) return; // how some touchpads begin
    if (Math.abs(deltaX) > Math.abs(deltaY)) panBy(runtime, deltaX * pixels * WHEEL_PAN);
    else zoomAbout(runtime, share(event), Math.exp(deltaY * pixels * WHEEL_STEP));
  };
  document.addEventListener("wheel", elsewhere, { capture: true, passive: true, signal });
  on(stage, "wheel", wheel, signal, { passive: false });
}

/** The range that was taken hold of, and where. */
interface Drag {
  x: number;
  share: number;
  origin: bigint;
  start: number;
  stop: number;
  moved: boolean;
}

/** Dragging moves the picture under the pointer. `share`: where the pointer is, from 0 to 1. */
function dragPan(
  stage: HTMLElement,
  runtime: ChartRuntime,
  share: (event: MouseEvent) => number,
  signal: AbortSignal,
): void {
  let drag: Drag | null = null;
  const grab = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const { origin, start, stop } = runtime.viewport;
    drag = { x: event.clientX, share: share(event), origin, start, stop, moved: false };
    stage.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (drag === null) return;
    drag.moved ||= Math.abs(event.clientX - drag.x) >= DRAG_PX;
    if (!drag.moved) return;
    stage.classList.add("lw-dragging");
    // The kernel's answers to a drag under way count from other origins.
    const rebased = Number(drag.origin - runtime.viewport.origin);
    const shift = rebased + (drag.share - share(event)) * (drag.stop - drag.start);
    runtime.zoom(drag.start + shift, drag.stop + shift);
  };
  const drop = () => {
    drag = null;
    stage.classList.remove("lw-dragging");
  };
  on(stage, "pointerdown", grab, signal);
  on(stage, "pointermove", move, signal);
  on(stage, "pointerup", drop, signal);
  on(stage, "pointercancel", drop, signal);
}

/** Lets keys on the focused plot pause, pan, zoom and return to live. */
export function keyboard(
  plot: HTMLElement,
  runtime: ChartRuntime,
  pause: () => void,
  signal: AbortSignal,
): void {
  const keys: Record<string, () => void> = {
    " ": pause,
    p: pause,
    ArrowLeft: () => panBy(runtime, -KEY_PAN),
    ArrowRight: () => panBy(runtime, KEY_PAN),
    "+": () => zoomAbout(runtime, 0.5, 1 / KEY_ZOOM),
    "=": () => zoomAbout(runtime, 0.5, 1 / KEY_ZOOM),
    "-": () => zoomAbout(runtime, 0.5, KEY_ZOOM),
    Home: () => runtime.backToLive(),
    Escape: () => runtime.backToLive(),
  };
  on(
    plot,
    "keydown",
    (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    },
    signal,
  );
}
