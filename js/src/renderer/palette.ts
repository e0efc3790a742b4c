/** Eight hues that keep a contrast of three to one and more on white and on JupyterLab's dark. */
const PALETTE = [
  "#2f7df6",
  "#d97706",
  "#059669",
  "#e5484d",
  "#9b5de5",
  "#0891b2",
  "#db2777",
  "#65a30d",
];

/** For what must be told from every line, by people who tell few colours apart, too. */
export const WARNING = "#d55e00";
export const CHANGE = "#c0398b";

/** The colours to draw with: the user's, or ours where there are none. Never empty. */
export function colorsOf(given: unknown): string[] {
  return Array.isArray(given) && given.length > 0 ? given.map(String) : PALETTE;
}

export function colorAt(colors: string[], index: number): string {
  return colors[index % colors.length] as string;
}
