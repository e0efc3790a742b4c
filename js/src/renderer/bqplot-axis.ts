/**
 * Lets a bqplot Axis view take its ticks from us: in the named zone, for its own width, and drawn
 * at once. bqplot runs three transitions for each change of the domain. Ticks that only move are
 * moved: drawn anew, each of their labels would be laid out and painted anew, too.
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
    scale: { (value: number): number; domain(domain: [number, number]): unknown };
    off(event: string, callback: null, context: unknown): void;
  };
  g_axisline?: { call(axis: D3Axis): unknown; node(): Element | null };
  set_tick_values?: Call;
  tickformat_changed?: Call;
  redraw_axisline?: Call;
}

export interface FastAxis {
  /** Draws the ticks of an axis that is `pixels` long; what stands there already is left alone. */
  draw(domain: [number, number], ticks: Tick[], pixels: number): void;
}

interface Shown {
  domain: [number, number];
  ticks: Tick[];
  pixels: number;
}

/** Patches `view`; null where it is not as known, and bqplot goes on by itself. */
export function patchAxis(view: unknown): FastAxis | null {
  const axis = view as AxisView;
  const { axis_scale: scale, g_axisline: line, axis: d3 } = axis ?? {};
  if (!scale || !line || !d3 || typeof axis.redraw_axisline !== "function") return null;
  if (typeof scale.scale?.domain !== "function" || typeof scale.off !== "function") return null;
  let last: Shown | null = null;
  let movers: Mover[] = [];
  const redraw = () => {
    if (last === null) return;
    const labels = new Map(last.ticks.map(({ value, label }) => [value, label]));
    scale.scale.domain(last.domain);
    d3.scale(scale.scale).tickValues([...labels.keys()]);
    d3.tickFormat((value) => labels.get(Number(value)) ?? "");
    axis.g_axisline?.call(d3);
    movers = moversOf(axis.g_axisline?.node(), scale.scale);
  };
  // Grid lines are ticks that reach inwards: without padding the labels would touch the axis.
  d3.tickPadding(7).tickSizeOuter(0);
  scale.off("domain_changed", null, view);
  axis.set_tick_values = redraw;
  axis.tickformat_changed = redraw;
  axis.redraw_axisline = redraw;
  return {
    draw(domain, ticks, pixels) {
      const before = last;
      last = { domain, ticks, pixels };
      if (before === null || pixels !== before.pixels || !alike(ticks, before.ticks)) redraw();
      else if (domain[0] !== before.domain[0] || domain[1] !== before.domain[1]) {
        scale.scale.domain(domain);
        for (const move of movers) move(scale.scale);
      }
    },
  };
}

function alike(some: Tick[], others: Tick[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ value, label }, i) => {
      const other = others[i] as Tick;
      return value === other.value && label === other.label;
    })
  );
}

/** Puts one tick where it belongs on a scale. */
type Mover = (scale: (value: number) => number) => void;

/** What d3 has drawn: each tick knows its value, and stands a constant beside the scale's place. */
function moversOf(line: Element | null | undefined, scale: (value: number) => number): Mover[] {
  const ticks = [...(line?.querySelectorAll(":scope > .tick") ?? [])];
  return ticks.map((tick) => {
    const { __data__: datum } = tick as Element & { __data__?: unknown };
    const [, x = "0", y = "0"] = PLACE.exec(tick.getAttribute("transform") ?? "") ?? [];
    const value = Number(datum);
    const upright = Number(x) === 0;
    const beside = Number(upright ? y : x) - scale(value);
    return (scale) => {
      const at = scale(value) + beside;
      tick.setAttribute("transform", upright ? `translate(0,${at})` : `translate(${at},0)`);
    };
  });
}

const PLACE = /^translate\(([^,]+),([^,)]+)\)$/;
