/** The synced traits of a chart: read here, and written back where the toolbar may change them. */
import type { Settings } from "../controls/toolbar";
import type { WidgetModel } from "../link/jupyter";

/** The traits that a view shows, by the name they have in Python. */
export const SHOWN = [
  "paused",
  "title",
  "window",
  "sampling_rate",
  "max_fps",
  "monitor",
  "height",
  "y_label",
  "tz",
  "colors",
  "styles",
  "bands",
  "renderer",
  "motion",
];

export function settingsOf(model: WidgetModel): Settings {
  const rate = model.get("sampling_rate");
  return {
    paused: Boolean(model.get("paused")),
    title: String(model.get("title") ?? ""),
    window: Number(model.get("window")),
    samplingRate: typeof rate === "number" ? rate : null,
    maxFps: Number(model.get("max_fps")),
  };
}

/** Sets a trait and sends it to the kernel. */
export function change(
  model: WidgetModel,
  name: "paused" | "window" | "sampling_rate" | "max_fps" | "monitor",
  value: boolean | number | null,
): void {
  model.set(name, value);
  model.save_changes();
}

/** Calls `changed` at each change of a trait that a view shows, until `signal` aborts. */
export function watch(model: WidgetModel, changed: () => void, signal: AbortSignal): void {
  for (const name of SHOWN) model.on(`change:${name}`, changed);
  signal.addEventListener("abort", () => {
    for (const name of SHOWN) model.off(`change:${name}`, changed);
  });
}
