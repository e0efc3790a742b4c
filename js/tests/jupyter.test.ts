import { expect, it } from "vitest";
import { freeWhenClosed, type PageModel } from "../src/link/jupyter";

type Heard = (...args: unknown[]) => void;

/** As much of Backbone's model and of its comm as closing one needs. */
class Model {
  listeners: [string, Heard][] = [];
  state_change: Promise<unknown> = new Promise(() => {});
  heard: Heard = () => {};
  ended: Heard = () => this.close();
  comm = {
    on_msg: (heard: Heard) => {
      this.heard = heard;
    },
    on_close: (ended: Heard) => {
      this.ended = ended;
    },
  };

  on(name: string, callback: Heard): void {
    this.listeners.push([name, callback]);
  }

  off(): void {
    this.listeners = [];
  }

  trigger(name: string): void {
    for (const [event, callback] of this.listeners) if (event === name) callback(this);
  }

  close(): void {
    this.trigger("comm:close");
    this.trigger("destroy");
  }
}

it("a model that is closed is struck off the manager's list, and then nothing leads to it", async () => {
  const model = new Model();
  const managed = new Set([model]);
  model.on("comm:close", () => managed.delete(model));
  const { heard, ended } = model;
  freeWhenClosed(model as unknown as PageModel);
  expect(model.listeners).toHaveLength(2);
  ended();
  expect(managed.size).toBe(0);
  expect(model.listeners).toHaveLength(0);
  expect(model.heard).not.toBe(heard);
  expect(model.ended).not.toBe(ended);
  await expect(model.state_change).resolves.toBeUndefined();
});
