/** Wheel, drag, double click and keys: what range of time is looked at. */
import type { ChartRuntime } from "../chart/runtime";
import type { Area } from "../renderer/base";
import { on } from "./dom";
import type { Hover } from "./hover";

const WHEEL_STEP = 0.0015;
const KEY_ZOOM = 1.4;
const KEY_PAN = 0.1;
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
  let drag: { x: number; start: number; stop: number; moved: boolean } | null = null;
  const place = (event: MouseEvent) => event.clientX - stage.getBoundingClientRect().left;
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const share = place(event) / area().width;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
      panBy(runtime, event.deltaX / area().width);
    else zoomAbout(runtime, share, Math.exp(event.deltaY * lines * WHEEL_STEP));
  };
  on(stage, "wheel", wheel, signal, { passive: false });
  on(stage, "dblclick", () => runtime.backToLive(), signal);
  on(
    stage,
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      const { start, stop } = runtime.viewport;
      drag = { x: place(event), start, stop, moved: false };
      stage.setPointerCapture(event.pointerId);
    },
    signal,
  );
  on(
    stage,
    "pointermove",
    (event) => {
      const x = place(event);
      hover.move(x);
      if (drag === null) return;
      drag.moved ||= Math.abs(x - drag.x) >= DRAG_PX;
      if (!drag.moved) return;
      stage.classList.add("lw-dragging");
      const shift = ((drag.x - x) / area().width) * (drag.stop - drag.start);
      runtime.zoom(drag.start + shift, drag.stop + shift);
    },
    signal,
  );
  const drop = () => {
    drag = null;
    stage.classList.remove("lw-dragging");
  };
  on(stage, "pointerup", drop, signal);
  on(stage, "pointercancel", drop, signal);
  on(stage, "pointerleave", () => hover.move(null), signal);
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
