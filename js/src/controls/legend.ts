/** The row of series below the plot: a button each, with its colour and its latest value. */
import type { Item } from "../chart/items";
import { element } from "./dom";
import { brief } from "./numbers";
import { swatch } from "./swatch";

/** Characters that a value has room for at first: see the style sheet. */
const LEAST_ROOM = 7;
/** What is wider than a digit: a minus, an exponent's letter. */
const WIDE_CH = 0.5;

/** One series: its button, and in that its number in a box of `room` characters. */
interface Made {
  button: HTMLButtonElement;
  value: HTMLElement;
  number: HTMLElement;
  room: number;
}

export class Legend {
  readonly el = element("div", "lw-legend", { role: "group", "aria-label": "Series" });
  #names = "";
  #buttons: Made[] = [];

  constructor(private toggle: (name: string) => void) {}

  update(items: Item[]): void {
    const names = JSON.stringify(items.map(({ name, look }) => [name, look]));
    if (names !== this.#names) this.#rebuild(items);
    this.#names = names;
    items.forEach((item, i) => {
      const made = this.#buttons[i];
      if (!made) return;
      const pressed = String(item.visible);
      if (made.button.ariaPressed !== pressed) made.button.ariaPressed = pressed;
      const text = brief(item.latest);
      if (made.number.textContent !== text) made.number.textContent = text;
      if (text.length <= made.room) return;
      made.room = text.length;
      made.value.style.width = `${text.length + WIDE_CH}ch`;
    });
  }

  #rebuild(items: Item[]): void {
    this.#buttons = items.map((item) => {
      const number = element("span", "lw-number");
      const value = element("span", "lw-value", {}, number);
      const attributes = { type: "button", title: `Show or hide ${item.name}` };
      const name = element("span", "lw-name", {}, item.name);
      const made = element("button", "lw-series", attributes, swatch(item.look), name, value);
      made.dataset.series = item.name;
      made.addEventListener("click", () => this.toggle(item.name));
      return { button: made, value, number, room: LEAST_ROOM };
    });
    const focused = (document.activeElement as HTMLElement | null)?.dataset.series;
    const held = this.el.contains(document.activeElement);
    this.el.replaceChildren(...this.#buttons.map((made) => made.button));
    if (held) this.#buttons.find(({ button }) => button.dataset.series === focused)?.button.focus();
  }
}
