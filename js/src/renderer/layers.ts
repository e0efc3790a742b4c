/**
 * What bqplot's lines cannot show, on two svgs of our own in its figure: bands and the spans of
 * marks beneath the lines; dashes, markers and marks above. They are part of the figure's picture
 * like its own. Elements are made where the looks change, never for a frame.
 */
import { bandOf, diamondsOf, dotsOf, ringsOf } from "./areas";
import type { Area, Look, Picture, Shape } from "./base";
import { flagsOf, KINDS, type Kind, rulesOf, spansOf } from "./flags";
import { pathOf } from "./path";

const SVG = "http://www.w3.org/2000/svg";

const SHAPES: Partial<Record<Shape, typeof pathOf>> = {
  dashed: pathOf,
  dots: dotsOf,
  rings: ringsOf,
  diamonds: diamondsOf,
};

/** Writes the data of one path. */
type Writer = (picture: Picture, area: Area) => string;

interface Drawn {
  path: SVGPathElement;
  write: Writer;
  data: string;
}

export class Layers {
  #under = new Layer("lw-under");
  #over = new Layer("lw-over");
  #looks: Look[] | null = null;
  #whole = true;

  constructor(figure: Element) {
    figure.prepend(this.#under.el);
    figure.append(this.#over.el);
  }

  /** Draws marks, and where it is `whole` bands and curves, too: else a canvas has them. */
  draw(picture: Picture, area: Area, whole = true): void {
    if (picture.looks !== this.#looks || whole !== this.#whole) {
      this.#whole = whole;
      this.#arrange(picture.looks);
    }
    this.#under.draw(picture, area);
    this.#over.draw(picture, area);
  }

  #arrange(looks: Look[]): void {
    this.#looks = looks;
    this.#under.clear();
    this.#over.clear();
    for (const kind of KINDS) mark(this.#under, "lw-span", kind, spansOf);
    if (this.#whole) this.#curves(looks);
    for (const kind of KINDS) {
      mark(this.#over, "lw-rule", kind, rulesOf);
      mark(this.#over, "lw-flag", kind, flagsOf);
    }
  }

  #curves(looks: Look[]): void {
    looks.forEach((look, i) => {
      for (const [low, high] of look.bands) {
        const band = this.#under.add("lw-band", (picture, area) =>
          bandPath(picture, area, low, high),
        );
        band.style.fill = look.color;
      }
      this.#curve(look, i, look.shape === "dashed");
    });
    // What stands for single points lies above every line.
    looks.forEach((look, i) => {
      this.#curve(look, i, look.shape !== "dashed");
    });
  }

  #curve({ shape, color }: Look, i: number, wanted: boolean): void {
    const write = SHAPES[shape];
    if (!wanted || write === undefined) return;
    const path = this.#over.add(`lw-${shape}`, (picture, area) => {
      const curve = picture.curves[i];
      return curve?.visible ? write(curve, picture, area) : "";
    });
    path.style.color = color;
  }
}

function mark(
  layer: Layer,
  className: string,
  kind: Kind,
  write: (kind: Kind, picture: Picture, area: Area) => string,
): void {
  const classes = `${className} lw-${kind.level}${kind.over ? " lw-past" : ""}`;
  layer.add(classes, (picture, area) => write(kind, picture, area));
}

function bandPath(picture: Picture, area: Area, low: number, high: number): string {
  const lower = picture.curves[low];
  const upper = picture.curves[high];
  return lower?.visible && upper ? bandOf(lower, upper, picture, area) : "";
}

/** An svg over the whole figure; what it holds is cut off at the plot's area. */
class Layer {
  readonly el = document.createElementNS(SVG, "svg");
  #window = document.createElementNS(SVG, "svg");
  #drawn: Drawn[] = [];
  #area = "";

  constructor(className: string) {
    this.el.setAttribute("class", `lw-layer ${className}`);
    this.el.append(this.#window);
  }

  clear(): void {
    this.#drawn = [];
    this.#window.replaceChildren();
  }

  add(className: string, write: Writer): SVGPathElement {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", className);
    this.#window.append(path);
    this.#drawn.push({ path, write, data: "" });
    return path;
  }

  draw(picture: Picture, area: Area): void {
    this.#fit(area);
    for (const drawn of this.#drawn) {
      const data = drawn.write(picture, area);
      if (data === drawn.data) continue;
      drawn.data = data;
      drawn.path.setAttribute("d", data);
    }
  }

  #fit({ left, top, width, height }: Area): void {
    const area = `${left} ${top} ${width} ${height}`;
    if (area === this.#area) return;
    this.#area = area;
    for (const [name, value] of Object.entries({ x: left, y: top, width, height })) {
      this.#window.setAttribute(name, String(value));
    }
  }
}
