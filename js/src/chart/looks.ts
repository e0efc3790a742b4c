/** How each series of a chart is drawn: from its styles and bands, by the names of the columns. */
import type { Look, Shape } from "../renderer/base";
import { CHANGE, colorAt, WARNING } from "../renderer/palette";

/** What a look goes by. */
export interface Named {
  name: string;
  column: string;
  key: string;
}

/** Whose band it is, its lower and its upper edge. */
export type Band = [string, string, string];

/** A star in a name stands for any beginning. `styles` by column or series; `bands`: whose ("" for the first line), lower and upper edge. */
export interface Styling {
  styles: Record<string, string>;
  bands: Band[];
  colors: string[];
}

export const PLAIN: Styling = { styles: {}, bands: [], colors: [] };

/** A series' look; its `owner` where it is the edge of a band; whether it is hidden at first. */
export interface Styled extends Look {
  owner: number | null;
  hidden: boolean;
}

const SHAPES: Record<string, Shape> = {
  dashed: "dashed",
  markers: "dots",
  rings: "rings",
  diamonds: "diamonds",
};
const OWN_COLORS: Partial<Record<Shape, string>> = { rings: WARNING, diamonds: CHANGE };

/** A look for each of `series`. The palette's colours go to what has none of its own, in order. */
export function looksOf(series: Named[], { styles, bands, colors }: Styling): Styled[] {
  const style = ({ name, column }: Named) =>
    styles[name] ?? styles[column] ?? starred(styles, column) ?? "";
  const looks: Styled[] = series.map((each) => ({
    shape: SHAPES[style(each)] ?? "line",
    color: "",
    bands: [],
    owner: null,
    hidden: style(each) === "hidden",
  }));
  const keys = [...new Set(series.map(({ key }) => key))];
  const exact = bands.filter(([whose]) => !whose.startsWith("*"));
  const made = bands.flatMap((band) => spelledOut(band, series));
  for (const key of keys) for (const band of exact) join(series, looks, key, band, styles);
  for (const key of keys) {
    // What the user has made the edge of a band stays that.
    const taken = series.filter((each, i) => each.key === key && looks[i]?.owner !== null);
    const edges = new Set(taken.map(({ column }) => column));
    for (const band of made) {
      if (!band.some((name) => edges.has(name))) join(series, looks, key, band, styles);
    }
  }
  const own = looks.filter(({ owner }) => owner === null);
  // What is hidden at first comes last: it takes no colour from what is seen.
  const paint = [...own.filter(({ hidden }) => !hidden), ...own.filter(({ hidden }) => hidden)];
  let given = 0;
  for (const look of paint) {
    look.color = OWN_COLORS[look.shape] ?? colorAt(colors, given);
    if (!(look.shape in OWN_COLORS)) given += 1;
  }
  for (const look of looks) if (look.owner !== null) look.color = looks[look.owner]?.color ?? "";
  return looks;
}

/** The style of the starred name that `column` ends like. */
function starred(styles: Record<string, string>, column: string): string | undefined {
  const found = Object.keys(styles).find((name) => beginning(name, column) !== null);
  return found === undefined ? undefined : styles[found];
}

/** What a star at the beginning of `name` stands for in `column`; null where that is another. */
function beginning(name: string, column: string): string | null {
  const end = name.slice(1);
  if (!name.startsWith("*") || !column.endsWith(end) || column === end) return null;
  return column.slice(0, column.length - end.length);
}

/** A starred band with the beginnings that there are. */
function spelledOut(band: Band, series: Named[]): Band[] {
  const columns = new Set(series.map(({ column }) => column));
  return [...columns].flatMap((column) => {
    const start = beginning(band[0], column);
    return start === null ? [] : [band.map((name) => name.replace("*", () => start)) as Band];
  });
}

/** Makes two series of `key` the edges of a band, unless one of them has a style of its own. */
function join(
  series: Named[],
  looks: Styled[],
  key: string,
  [whose, low, high]: Band,
  styles: Record<string, string>,
): void {
  if (low in styles || high in styles) return;
  const place = (column: string) =>
    series.findIndex((each) => each.key === key && each.column === column);
  const [lower, upper] = [place(low), place(high)];
  if (lower < 0 || upper < 0) return;
  const first = () =>
    series.findIndex(
      (each, i) => each.key === key && i !== lower && i !== upper && isLine(looks[i]),
    );
  const owner = whose === "" ? first() : place(whose);
  const looked = looks[owner];
  if (looked === undefined || looked.owner !== null) return;
  looked.bands.push([lower, upper]);
  for (const edge of [looks[lower], looks[upper]] as Styled[]) {
    edge.shape = "edge";
    edge.owner = owner;
    edge.hidden = false;
  }
}

function isLine(look: Styled | undefined): boolean {
  return look?.owner === null && (look.shape === "line" || look.shape === "dashed");
}

/** The styling in the traits of a model; what does not fit is passed over. */
export function stylingOf(get: (name: string) => unknown, colors: string[]): Styling {
  const styles = (get("styles") ?? {}) as Record<string, string>;
  const bands = (get("bands") ?? []) as Band[];
  return { styles, bands: bands.filter((band) => band.length === 3), colors };
}
