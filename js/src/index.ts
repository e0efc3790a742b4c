/** The widget's entry: where the parts of the page are joined, and nowhere else. */
import { type PanelModel, showAlerts } from "./alerts/panel";
import { stylingOf } from "./chart/looks";
import { ChartRuntime } from "./chart/runtime";
import { ChartView } from "./chart/view";
import { saveFile } from "./controls/download";
import {
  freeWhenClosed,
  modelId,
  openChannel,
  type PageModel,
  referredModel,
  type WidgetModel,
} from "./link/jupyter";
import type { PageLink } from "./link/page";
import { acquirePage } from "./link/pages";
import { showPerformance } from "./monitor/standalone";
import { BqplotRenderer } from "./renderer/bqplot";
import { colorsOf } from "./renderer/palette";
import { wishOf } from "./renderer/ways";

interface InitializeProps {
  model: WidgetModel;
  signal: AbortSignal;
}

interface RenderProps extends InitializeProps {
  el: HTMLElement;
}

/** The charts of the page whose models have been initialized. All models share this module. */
const charts = new Map<string, Promise<ChartRuntime>>();

function key(model: WidgetModel): string {
  return `${modelId(model.get("link"))} ${model.get("chart")}`;
}

function pageOf(model: WidgetModel, signal: AbortSignal): Promise<PageLink> {
  return acquirePage(modelId(model.get("link")), () => openChannel(model), signal);
}

async function join({ model, signal }: InitializeProps): Promise<ChartRuntime> {
  const page = await pageOf(model, signal);
  const figure = await referredModel(model, "figure");
  signal.throwIfAborted();
  const renderer = new BqplotRenderer(model, figure);
  const runtime = new ChartRuntime(Number(model.get("chart")), page, renderer, (...file) =>
    saveFile(file[0], file[1], file[2] as DataView<ArrayBuffer>),
  );
  const style = () => {
    runtime.restyle(stylingOf((name) => model.get(name), colorsOf(model.get("colors"))));
    renderer.setZone(String(model.get("tz") || "UTC"));
    renderer.prefer(wishOf(model.get("renderer")));
    runtime.motion.wish = model.get("motion");
  };
  const styled = ["colors", "styles", "bands", "tz", "renderer", "motion"].map(
    (name) => `change:${name}`,
  );
  for (const change of styled) model.on(change, style);
  style();
  const leave = page.join(runtime.chart, runtime);
  signal.addEventListener("abort", () => {
    for (const change of styled) model.off(change, style);
    leave();
    page.clock.forget(runtime);
    runtime.ended("closed");
  });
  return runtime;
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
    const { model, signal } = props;
    freeWhenClosed(model);
    const layout = model.get("layout") as PageModel | undefined;
    if (layout) freeWhenClosed(layout);
    if (model.get("kind") !== "chart") return;
    const name = key(model);
    const made = join(props);
    made.catch(() => {});
    charts.set(name, made);
    signal.addEventListener("abort", () => charts.delete(name));
  },

  async render({ model, el, signal }: RenderProps): Promise<void> {
    if (model.get("kind") === "performance") {
      const page = await unlessAborted(pageOf(model, signal), signal);
      const title = String(model.get("title") ?? "");
      if (page) showPerformance(el, page, Number(model.get("chart")), title, signal);
      return;
    }
    if (model.get("kind") === "alerts") {
      const page = await unlessAborted(pageOf(model, signal), signal);
      if (page) showAlerts(el, model as PanelModel, page, signal);
      return;
    }
    const runtime = await unlessAborted(charts.get(key(model)), signal);
    if (!runtime) return;
    const view = new ChartView(el, model, runtime, signal);
    await unlessAborted(view.open(), signal);
  },
};
