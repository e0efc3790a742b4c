/** The row of series below the plot: a button each, with its colour and its latest value. */
import type { Item } from "../chart/items";
import { element } from "./dom";
import { brief } from "./numbers";
import { swatch } from "./swatch";

export class Legend {
  readonly el = element("div", "lw-legend", { role: "group", "aria-label": "Series" });
  #names = "";
  #buttons: { button: HTMLButtonElement; value: HTMLElement }[] = [];

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
      if (made.value.textContent !== text) made.value.textContent = text;
    });
  }

  #rebuild(items: Item[]): void {
    this.#buttons = items.map((item) => {
      const value = element("span", "lw-value");
      const attributes = { type: "button", title: `Show or hide ${item.name}` };
      const name = element("span", "lw-name", {}, item.name);
      const made = element("button", "lw-series", attributes, swatch(item.look), name, value);
      made.addEventListener("click", () => this.toggle(item.name));
      return { button: made, value };
    });
    this.el.replaceChildren(...this.#buttons.map((made) => made.button));
  }
}
