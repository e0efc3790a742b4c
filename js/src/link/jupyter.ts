/**
 * Everything that reaches into the notebook's widget manager. It stands in one file because
 * anywidget means to narrow what a module sees of it.
 */
import type { Channel } from "./page";

type Listener = (...args: never[]) => void;

/** What a module sees of its own model. */
export interface WidgetModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(name: string, callback: Listener): void;
  off(name?: string | null, callback?: Listener | null): void;
  widget_manager: unknown;
}

/** What we use of any other model of the page: Backbone's face and ipywidgets' comm. */
export interface PageModel {
  get(name: string): unknown;
  set(values: Record<string, unknown>): void;
  on(name: string, callback: Listener, context?: unknown): void;
  off(name: string | null, callback: Listener | null, context?: unknown): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  comm_live?: boolean;
  state_change?: Promise<unknown>;
  comm?: { on_msg?(heard: () => void): void; on_close?(ended: () => void): void };
  _buffered_state_diff?: Record<string, unknown>;
}

/** What we use of a view of another model. */
export interface PageView {
  el: HTMLElement;
  remove(): void;
}

interface Manager {
  get_model(id: string): Promise<PageModel>;
  create_view(model: PageModel, options: object): Promise<PageView>;
  kernel?: { status?: string } | null;
}

type Receiver = (message: object) => void;

const ATTACHED = { type: "after-attach", isConflatable: false, conflate: () => false };

function manager(model: WidgetModel): Manager {
  return model.widget_manager as Manager;
}

/** The id in a reference such as `IPY_MODEL_0a1b`. */
export function modelId(reference: unknown): string {
  return String(reference).replace(/^IPY_MODEL_/, "");
}

const RETRY_MS = 100;
const RETRIES = 50;

/**
 * The model that the trait `name` of `model` refers to. A page that is loaded again makes its
 * models in any order, so that one which is missing yet is asked for again for five seconds.
 */
export async function referredModel(model: WidgetModel, name: string): Promise<PageModel> {
  for (let tried = 0; ; tried++) {
    try {
      return await manager(model).get_model(modelId(model.get(name)));
    } catch (error) {
      if (tried >= RETRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** A view of `target`, to be placed in the document and then told so by `announceAttached`. */
export function openView(model: WidgetModel, target: PageModel): Promise<PageView> {
  return manager(model).create_view(target, {});
}

/** Tells a view that its element stands in the document; bqplot measures itself then. */
export function announceAttached(view: PageView): void {
  const given = view as unknown as Record<string, unknown>;
  for (const name of ["processLuminoMessage", "processPhosphorMessage"]) {
    if (typeof given[name] === "function") {
      (given[name] as Receiver).call(view, ATTACHED);
      return;
    }
  }
  const widget = (given.luminoWidget ?? given.pWidget) as { processMessage: Receiver };
  widget.processMessage(ATTACHED);
}

/**
 * Frees `model` once it is closed. JupyterLab holds a closed comm for ever, and with it the model
 * that hears from it, whoever listens to that and, by its last promise, the view that it made. Not
 * before: the manager itself listens for the end, to strike the model off its list.
 */
export function freeWhenClosed(model: Pick<PageModel, "on">): void {
  model.on("destroy", (closed: PageModel) => {
    closed.off(null, null);
    closed.state_change = Promise.resolve();
    closed.comm?.on_msg?.(() => {});
    closed.comm?.on_close?.(() => {});
  });
}

/** The link's comm as a channel. It ends when the kernel restarts, dies or closes the comm. */
export async function openChannel(model: WidgetModel): Promise<Channel> {
  const link = await referredModel(model, "link");
  // Not the model itself: the link may outlive the chart that opened it.
  const owner = manager(model);
  const context = {};
  return {
    send(content, buffers = []) {
      if (link.comm_live === false) return;
      try {
        link.send(content, undefined, buffers);
      } catch {
        // A kernel that died between the check and the send: the channel's end says so itself.
      }
    },
    listen(message) {
      link.on(
        "msg:custom",
        (content: unknown, buffers?: DataView[]) => {
          message(content, buffers ?? []);
        },
        context,
      );
    },
    onEnd(ended) {
      link.on(
        "comm_live_update",
        () => {
          if (link.comm_live === false) ended(kernelReason(owner));
        },
        context,
      );
      link.on("comm:close", () => ended("closed by the kernel"), context);
    },
    close: () => link.off(null, null, context),
  };
}

function kernelReason(owner: Manager): string {
  const status = owner.kernel?.status;
  return status === "dead" || status === "terminating" ? "kernel stopped" : "kernel restarted";
}
