/** The dashboard by itself: the status of a subject that may be drawn elsewhere or not. */
import { shownState } from "../chart/state";
import { element } from "../controls/dom";
import { Sight } from "../controls/sight";
import { type Status, WAITING } from "../data/status";
import type { PageLink } from "../link/page";
import { Dashboard } from "./dashboard";

/** Shows the subject `chart` of `page` in `el` until `signal` aborts. */
export function showPerformance(
  el: HTMLElement,
  page: PageLink,
  chart: number,
  title: string,
  signal: AbortSignal,
): void {
  const dashboard = new Dashboard(
    (action, finding) => page.send({ kind: "advice", chart, action, finding }),
    signal,
  );
  const chip = element("span", "lw-chip");
  const heading = element("span", "lw-title", {}, title || "Performance");
  el.classList.add("livewidget", "lw-alone");
  el.replaceChildren(element("div", "lw-toolbar", {}, heading, chip), dashboard.el);
  let last: Status = WAITING;
  let endReason = page.endReason;
  const sight = new Sight(
    el,
    page,
    chart,
    () => 0,
    () => {},
    signal,
  );
  const show = () => {
    const known = { endReason, silent: page.silent, paused: last.state === "paused" };
    const { state, text } = shownState(last, known);
    el.dataset.state = state;
    chip.textContent = text;
  };
  const leave = page.join(chart, {
    status(status) {
      last = status;
      dashboard.update(status);
      show();
    },
    ended(reason) {
      endReason = reason || "closed";
      show();
    },
    pageChanged() {
      sight.tell();
      show();
    },
    watching: () => sight.visible,
  });
  signal.addEventListener("abort", leave);
  show();
}
