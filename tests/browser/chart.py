"""A chart as a person sees it: its state, its buttons, its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from playwright.sync_api import Locator

    from .notebook import Notebook

SECONDS = 1000.0
COLOR = "#ff0066"  # of the planted marker: nothing in JupyterLab has it


class Chart:
    """One view of a chart in a page, by its place among the views there."""

    def __init__(self, notebook: Notebook, place: int = 0) -> None:
        self.notebook = notebook
        self.root: Locator = notebook.page.locator(".livewidget").nth(place)
        self._here = f"document.querySelectorAll('.livewidget')[{place}]"

    def stats(self) -> dict[str, Any]:
        """What the page knows of the chart: state, sequence, frames, start, stop, area..."""
        found: dict[str, Any] = self.notebook.js(f"{self._here}.__livewidget.stats()")
        return found

    def frames(self) -> int:
        """How many frames were drawn."""
        return int(self.root.get_attribute("data-frames", timeout=10 * SECONDS) or 0)

    def until_moving(self, frames: int = 5, timeout: float = 10) -> None:
        """Wait until so many more frames are drawn."""
        wanted = self.frames() + frames
        self.until(f"Number(chart.dataset.frames) >= {wanted}", timeout)

    def until_state(self, state: str, timeout: float = 10) -> None:
        """Wait for a state."""
        self.until(f"chart.dataset.state === '{state}'", timeout)

    def until(self, expression: str, timeout: float = 10) -> None:
        """Wait until an expression on `chart`, its element, and on its `stats` is true."""
        self.notebook.until(
            f"((chart) => {{ const stats = chart?.__livewidget?.stats();"
            f" return stats && ({expression}); }})({self._here})",
            timeout,
        )

    def until_now(self, timeout: float = 10) -> None:
        """Wait until the right edge of the picture is at most a second old."""
        self.until(f"({AGE_MS})(chart) < 1000", timeout)

    def paths(self) -> list[str]:
        """The curves as they are drawn."""
        found: list[str] = self.notebook.js(
            f"[...{self._here}.querySelectorAll('.curve path.line')]"
            ".map((path) => path.getAttribute('d'))"
        )
        return found

    def press(self, label: str) -> None:
        """Press a button of the toolbar."""
        self.root.get_by_role("button", name=label, exact=True).click()

    def choose(self, label: str, value: str) -> None:
        """Choose from a list of the toolbar."""
        self.root.get_by_label(label).select_option(value)

    def notice(self) -> str:
        """The line that says what happened."""
        return self.root.locator(".lw-notice").inner_text()

    def frames_in(self, seconds: float) -> int:
        """How many frames are drawn within a time."""
        script = f"""(async () => {{
          const {{ dataset }} = {self._here};
          const before = Number(dataset.frames);
          await new Promise((done) => setTimeout(done, arg));
          return Number(dataset.frames) - before;
        }})()"""
        return int(self.notebook.js(script, seconds * 1000))

    def y_ticks(self) -> list[tuple[float, float]]:
        """The value axis as it is drawn: pixel rows within the plot, and the labels beside them."""
        found: list[tuple[float, float]] = self.notebook.js(f"({Y_TICKS})({self._here})")
        return found

    def range_ms(self) -> tuple[float, float]:
        """The first and the last moment shown, ms since the epoch."""
        edges = self.notebook.js(f"({EDGES})({self._here})")
        return edges["start"], edges["stop"]

    def read_marker(self, name: str) -> tuple[float, float]:
        """The value and the time (ms since the epoch) of the highest pixel in `COLOR`."""
        picture = self.notebook.screenshot(name, self.root.locator(".lw-plot"))
        rows, columns = np.nonzero(is_color(picture))
        assert len(rows), "no pixel has the marker's colour"
        top = rows.min()
        column = columns[rows == top].mean() + 0.5
        (low_row, low), (high_row, high) = self.y_ticks()[0], self.y_ticks()[-1]
        value = low + (top + 1 - low_row) * (high - low) / (high_row - low_row)
        edges = self.notebook.js(f"({EDGES})({self._here})")
        share = (column - edges["left"]) / edges["width"]
        return value, edges["start"] + share * (edges["stop"] - edges["start"])


def is_color(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where a picture has `COLOR`, blended edges left out."""
    wanted = np.array([int(COLOR[i : i + 2], 16) for i in (1, 3, 5)])
    near: npt.NDArray[np.bool_] = (np.abs(picture.astype(int) - wanted) < 60).all(axis=2)
    return near


AGE_MS = """(chart) => {
  const { viewport } = chart.__livewidget.runtime;
  return Date.now() - Number(viewport.origin / 1000000n) - viewport.stop / 1e6;
}"""

Y_TICKS = """(chart) => {
  const { top } = chart.querySelector(".lw-plot").getBoundingClientRect();
  const [, vertical] = chart.querySelectorAll("g.axis");
  return [...vertical.querySelectorAll(".tick")].map((tick) => {
    const line = tick.querySelector("line").getBoundingClientRect();
    return [line.top + line.height / 2 - top, Number(tick.textContent.replace("\\u2212", "-"))];
  });
}"""

EDGES = """(chart) => {
  const { viewport } = chart.__livewidget.runtime;
  const { area } = chart.__livewidget.stats();
  const origin = Number(viewport.origin / 1000000n);
  const [start, stop] = [viewport.start, viewport.stop].map((at) => origin + at / 1e6);
  return { ...area, start, stop };
}"""
