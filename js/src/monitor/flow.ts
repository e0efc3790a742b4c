/** The way that rows take, stage by stage: rates, queues, and which stage bounds the rate now. */
import { element, setText } from "../controls/dom";
import { short } from "../controls/numbers";
import type { StageStatus } from "../data/status";

/** From here on it is frames that pass, and no rows. */
const OF_FRAMES = new Set(["frames", "link", "browser"]);

export class Flow {
  readonly el = element("ol", "lw-flow", { "aria-label": "Stages, in the order that rows pass" });
  #boxes = new Map<string, Box>();

  update(stages: StageStatus[]): void {
    this.el.hidden = stages.length === 0;
    const there = new Map<string, Box>();
    for (const stage of stages) {
      const key = `${stage.name} ${stage.label}`;
      const box = this.#boxes.get(key) ?? new Box();
      box.update(stage);
      there.set(key, box);
    }
    const same = [...there.keys()].join() === [...this.#boxes.keys()].join();
    this.#boxes = there;
    if (!same) this.el.replaceChildren(...[...there.values()].map(({ el }) => el));
  }
}

class Box {
  readonly el = element("li", "lw-stage-box");
  #name = element("span", "lw-stage-name");
  #mark = element("span", "lw-stage-mark", {}, "▲ limits the rate");
  #rate = element("span", "lw-stage-rate");
  #fill = element("span", "lw-stage-fill");
  #busy = element("span", "lw-stage-busy", { "aria-hidden": "true" }, this.#fill);
  #waiting = element("span", "lw-stage-fill");
  #queue = element(
    "span",
    "lw-stage-busy lw-stage-queue",
    { "aria-hidden": "true" },
    this.#waiting,
  );
  #text = element("span", "lw-stage-text");
  #lost = element("span", "lw-stage-lost");

  constructor() {
    this.#busy.title = "How busy it is";
    this.#queue.title = "How full its queue is";
    const bars = [this.#busy, this.#queue];
    this.el.append(this.#name, this.#rate, ...bars, this.#text, this.#lost, this.#mark);
  }

  update(stage: StageStatus): void {
    const unit = OF_FRAMES.has(stage.name) ? "frames/s" : "rows/s";
    this.el.classList.toggle("lw-limits", stage.limits);
    this.#mark.hidden = !stage.limits;
    setText(this.#name, stage.name);
    this.el.title = stage.label === stage.name ? stage.name : `${stage.name}: ${stage.label}`;
    setText(this.#rate, `${short(stage.served)} ${unit}`);
    this.#fill.style.width = `${Math.round(100 * Math.min(1, Math.max(0, stage.busy)))}%`;
    setText(this.#text, loadOf(stage));
    setText(this.#lost, stage.dropped > 0 ? `${short(stage.dropped)} ${unit} dropped` : "");
    this.#lost.hidden = !(stage.dropped > 0);
    const { queue, capacity } = stage;
    this.#queue.hidden = !capacity;
    this.#waiting.style.width = `${capacity ? Math.min(100, (100 * queue) / capacity) : 0}%`;
  }
}

/** How loaded a stage is, in words. Lines break between the parts, and before the last word. */
export function loadOf({ busy, held, queue, capacity, state }: StageStatus): string {
  const parts = [`${Math.round(100 * busy)} % busy`];
  if (held >= 0.01) parts.push(`${Math.round(100 * held)} % held`);
  if (queue > 0) {
    parts.push(capacity ? `${short(queue)} of ${short(capacity)} wait` : `${short(queue)} wait`);
  }
  const told = parts.map((part) => part.replaceAll(/ (?!wait)/g, "\u00a0"));
  if (state !== "" && state !== "live" && state !== "open") told.push(state);
  return told.join(" · ");
}
