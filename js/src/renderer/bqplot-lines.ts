/**
 * Lets a bqplot Lines view take its path from typed arrays. bqplot itself makes one object for each
 * point and runs a transition for each path; that is half of a frame's cost and more.
 */
import { setAttribute } from "../controls/dom";

/** What we use of bqplot's Lines view. */
interface LinesView {
  el: SVGGElement;
  update_line_xy?: unknown;
  xPixels?: number[];
  yPixels?: number[];
  pixelCoords?: number[];
}

export interface FastLines {
  /** Writes the path data of all curves, by index. */
  write(paths: (curve: number) => string): void;
}

/** Patches `view`; `redraw` is called where bqplot would redraw. Null where it is not as known. */
export function patchLines(view: unknown, redraw: () => void): FastLines | null {
  const lines = view as LinesView;
  if (typeof lines?.update_line_xy !== "function" || !(lines.el instanceof SVGGElement))
    return null;
  lines.update_line_xy = redraw;
  lines.xPixels = [];
  lines.yPixels = [];
  lines.pixelCoords = [];
  return {
    write(paths) {
      let curve = 0;
      for (const group of lines.el.children) {
        const line = group.classList.contains("curve") ? group.firstElementChild : null;
        if (line === null) continue;
        setAttribute(line, "d", paths(curve));
        curve += 1;
      }
    },
  };
}
