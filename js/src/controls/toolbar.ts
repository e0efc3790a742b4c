/** The slim row above the plot: pause, title, state; window, rate, cap, back to live, files. */
import { button, element, ICONS, icon } from "./dom";
import { duration, short } from "./numbers";

const WINDOWS = [5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const RATES = [1, 10, 100, 1000];
const CAPS = [5, 10, 20, 30, 60];

/** The settings that the toolbar shows and changes. */
export interface Settings {
  paused: boolean;
  title: string;
  window: number;
  samplingRate: number | null;
  maxFps: number;
}

export interface ToolbarActions {
  pause(paused: boolean): void;
  window(seconds: number): void;
  samplingRate(hertz: number | null): void;
  maxFps(cap: number): void;
  live(): void;
  csv(): void;
  png(): void;
}

interface Choice {
  value: string;
  text: string;
}

export class Toolbar {
  readonly el: HTMLElement;
  readonly chip = element("span", "lw-chip");
  #paused = false;
  #pause: HTMLButtonElement;
  #live: HTMLButtonElement;
  #title = element("span", "lw-title");
  #window: HTMLSelectElement;
  #rate: HTMLSelectElement;
  #cap: HTMLSelectElement;
  #controls: (HTMLButtonElement | HTMLSelectElement)[];

  constructor(actions: ToolbarActions) {
    this.#pause = button("Pause", ICONS.pause, () => actions.pause(!this.#paused));
    this.#live = button("Back to live", ICONS.live, () => actions.live());
    this.#live.classList.add("lw-live");
    this.#live.append("Back to live");
    this.#live.hidden = true;
    this.#window = select("Time window", (value) => actions.window(Number(value)));
    this.#rate = select("Most events a second of each series", (value) =>
      actions.samplingRate(value === "" ? null : Number(value)),
    );
    this.#cap = select("Most frames a second", (value) => actions.maxFps(Number(value)));
    const csv = button("Save as CSV", ICONS.file, () => actions.csv());
    const png = button("Save as PNG", ICONS.image, () => actions.png());
    this.#controls = [this.#pause, this.#window, this.#rate, this.#cap, csv];
    const left = element("div", "lw-left", {}, this.#pause, this.#title, this.chip, this.#live);
    const right = element("div", "lw-right", {}, this.#window, this.#rate, this.#cap, csv, png);
    this.el = element("div", "lw-toolbar", { role: "toolbar", "aria-label": "Chart" }, left, right);
  }

  update(settings: Settings): void {
    this.#paused = settings.paused;
    const label = settings.paused ? "Resume" : "Pause";
    this.#pause.title = label;
    this.#pause.setAttribute("aria-label", label);
    this.#pause.replaceChildren(icon(settings.paused ? ICONS.play : ICONS.pause));
    this.#title.textContent = settings.title;
    this.#title.title = settings.title;
    const { window, samplingRate, maxFps } = settings;
    fill(this.#window, choices(WINDOWS, window, duration), String(window));
    const rates = choices(RATES, samplingRate, (hertz) => `${short(hertz)} Hz`);
    const all = { value: "", text: "all events" };
    fill(this.#rate, [all, ...rates], samplingRate === null ? "" : String(samplingRate));
    fill(
      this.#cap,
      choices(CAPS, maxFps, (cap) => `${cap} fps`),
      String(maxFps),
    );
  }

  setZoomed(zoomed: boolean): void {
    this.#live.hidden = !zoomed;
  }

  /** An ended chart keeps its picture and its PNG, and nothing else. */
  disable(): void {
    for (const control of this.#controls) control.disabled = true;
    this.#live.hidden = true;
  }
}

function select(label: string, changed: (value: string) => void): HTMLSelectElement {
  const made = element("select", "lw-select", { title: label, "aria-label": label });
  made.addEventListener("change", () => changed(made.value));
  return made;
}

/** The presets and the current value, in order. */
function choices(presets: number[], current: number | null, text: (n: number) => string): Choice[] {
  const values = new Set(presets);
  if (current !== null) values.add(current);
  return [...values].sort((a, b) => a - b).map((n) => ({ value: String(n), text: text(n) }));
}

/** Rebuilds the options only where they differ: an open list would close under the pointer. */
function fill(target: HTMLSelectElement, options: Choice[], value: string): void {
  const wanted = options.map((option) => option.value).join();
  if (target.dataset.options !== wanted) {
    target.dataset.options = wanted;
    target.replaceChildren(
      ...options.map(({ value, text }) => element("option", "", { value }, text)),
    );
  }
  target.value = value;
}
