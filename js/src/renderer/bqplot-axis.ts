/**
 * Lets a bqplot Axis view take its ticks from us: in the named zone, for its own width, and drawn
 * at once. bqplot runs three transitions for each change of the domain.
 */
import type { Tick } from "./base";

type Call = (...args: never[]) => unknown;

interface D3Axis {
  scale(scale: unknown): D3Axis;
  tickValues(values: number[]): D3Axis;
  tickPadding(pixels: number): D3Axis;
  tickSizeOuter(pixels: number): D3Axis;
  tickFormat(format: (value: number) => string): D3Axis;
}

/** What we use of bqplot's Axis view. */
interface AxisView {
  axis?: D3Axis;
  axis_scale?: {
    scale: { domain(domain: [number, number]): unknown };
    off(event: string, callback: null, context: unknown): void;
  };
  g_axisline?: { call(axis: D3Axis): unknown };
  set_tick_values?: Call;
  tickformat_changed?: Call;
  redraw_axisline?: Call;
}

export interface FastAxis {
  /** Draws the ticks of an axis that is `pixels` long; what stands there already is left alone. */
  draw(domain: [number, number], ticks: Tick[], pixels: number): void;
}

/** Patches `view`; null where it is not as known, and bqplot goes on by itself. */
export function patchAxis(view: unknown): FastAxis | null {
  const axis = view as AxisView;
  const { axis_scale: scale, g_axisline: line, axis: d3 } = axis ?? {};
  if (!scale || !line || !d3 || typeof axis.redraw_axisline !== "function") return null;
  if (typeof scale.scale?.domain !== "function" || typeof scale.off !== "function") return null;
  let last: { domain: [number, number]; ticks: Tick[]; shown: string } | null = null;
  const redraw = () => {
    if (last === null) return;
    const labels = new Map(last.ticks.map(({ value, label }) => [value, label]));
    scale.scale.domain(last.domain);
    d3.scale(scale.scale).tickValues([...labels.keys()]);
    d3.tickFormat((value) => labels.get(Number(value)) ?? "");
    axis.g_axisline?.call(d3);
  };
  // Grid lines are ticks that reach inwards: without padding the labels would touch the axis.
  d3.tickPadding(7).tickSizeOuter(0);
  scale.off("domain_changed", null, view);
  axis.set_tick_values = redraw;
  axis.tickformat_changed = redraw;
  axis.redraw_axisline = redraw;
  return {
    draw(domain, ticks, pixels) {
      const shown = JSON.stringify([domain, ticks, pixels]);
      if (shown === last?.shown) return;
      last = { domain, ticks, shown };
      redraw();
    },
  };
}
