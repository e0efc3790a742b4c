/** The widget's entry: where the parts of the page are joined, and nowhere else. */
import { ChartRuntime } from "./chart/runtime";
import { ChartView } from "./chart/view";
import { saveFile } from "./controls/download";
import { modelId, openChannel, referredModel, type WidgetModel } from "./link/jupyter";
import type { PageLink } from "./link/page";
import { acquirePage } from "./link/pages";
import { showPerformance } from "./monitor/standalone";
import { BqplotRenderer } from "./renderer/bqplot";
import { colorsOf } from "./renderer/palette";

interface InitializeProps {
  model: WidgetModel;
  signal: AbortSignal;
}

interface RenderProps extends InitializeProps {
  el: HTMLElement;
}

/** What belongs to the model and outlives its views. */
interface Joined {
  page: PageLink;
  runtime: ChartRuntime | null;
}

// A module is loaded for each model, but nothing forbids that two models share one.
const joined = new Map<string, Promise<Joined>>();

function key(model: WidgetModel): string {
  return `${modelId(model.get("link"))} ${model.get("kind")} ${model.get("chart")}`;
}

async function join({ model, signal }: InitializeProps): Promise<Joined> {
  const page = await acquirePage(modelId(model.get("link")), () => openChannel(model), signal);
  if (model.get("kind") === "performance") return { page, runtime: null };
  const figure = await referredModel(model, "figure");
  signal.throwIfAborted();
  const renderer = new BqplotRenderer(model, figure);
  const runtime = new ChartRuntime(Number(model.get("chart")), page, renderer, (...file) =>
    saveFile(file[0], file[1], file[2] as DataView<ArrayBuffer>),
  );
  const style = () => {
    renderer.setColors(colorsOf(model.get("colors")));
    renderer.setZone(String(model.get("tz") || "UTC"));
  };
  model.on("change:colors", style);
  model.on("change:tz", style);
  style();
  const leave = page.join(runtime.chart, runtime);
  signal.addEventListener("abort", () => {
    leave();
    page.clock.forget(runtime);
    runtime.ended("closed");
  });
  return { page, runtime };
}

/** What `promise` gives; undefined where `signal` has aborted, however the promise ended. */
async function unlessAborted<T>(
  promise: T | Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    const result = await promise;
    return signal.aborted ? undefined : result;
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

export default {
  /** Starts joining the page's link; does not wait, for anywidget gives up after two seconds. */
  initialize(props: InitializeProps): void {
    const name = key(props.model);
    const made = join(props);
    made.catch(() => {});
    joined.set(name, made);
    props.signal.addEventListener("abort", () => joined.delete(name));
  },

  async render({ model, el, signal }: RenderProps): Promise<void> {
    const found = await unlessAborted(joined.get(key(model)), signal);
    if (!found) return;
    if (found.runtime === null) {
      const title = String(model.get("title") ?? "");
      showPerformance(el, found.page, Number(model.get("chart")), title, signal);
      return;
    }
    const view = new ChartView(el, model, found.runtime, signal);
    await unlessAborted(view.open(), signal);
  },
};
