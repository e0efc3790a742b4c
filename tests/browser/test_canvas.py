"""Curves on a canvas: the same picture as bqplot's marks give, through every change of the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from .chart import Chart
from .conftest import ONE_KERNEL
from .notebook import Notebook

if TYPE_CHECKING:
    import numpy.typing as npt
    from playwright.sync_api import Browser

    from .lab import Lab

    Pixels = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]

pytestmark = [pytest.mark.browser, ONE_KERNEL]

MOST = 0.01  # of the inked pixels may differ by more than a pixel
INK = 40  # of 255: so much a pixel differs from the empty picture's where there is a line

STILL = """
import numpy as np
n = 400
at = time.time_ns() - np.arange(n)[::-1] * 20_000_000
t = np.arange(n) / 40
wave, noise = np.sin(t), np.random.default_rng(3).normal(size=n)
def still(columns, **options):
    names = list(columns)
    chart = make(**{"y": names, "max_ahead": None, "height": 260, "monitor": False, **options})
    chart.push({"time": at, **columns})
    return chart
"""
FIGURES = {
    "a line": "chart = still({'a': wave})",
    "noise": "chart = still({'a': noise})",
    "many lines": "chart = still({f's{i}': wave * i + noise * 0.2 for i in range(8)})",
    "gaps": "chart = still({'a': np.where((np.arange(n) // 20) % 3 == 0, np.nan, wave)})",
    "lonely points": "chart = still({'a': np.where(np.arange(n) % 10, np.nan, wave)})",
    "dashes": "chart = still({'a': wave, 'b': noise}, styles={'a': 'dashed'})",
    "markers": "chart = still({k: np.where(np.arange(n) % 25, np.nan, wave + i) for i, k in"
    " enumerate('abc')}, styles={'a': 'markers', 'b': 'rings', 'c': 'diamonds'})",
    "bands": "chart = still({'a': wave, 'low': wave - 1, 'high': wave + 1 + 0.1 * noise},"
    " bands=[('low', 'high')])",
    "steps between extremes": "chart = still({'a': np.where(np.arange(n) % 2, 1e9, -1e9)})",
    "a narrow window": "chart = still({'a': wave, 'b': noise}, window=2)",
}


def inked(picture: Pixels, empty: Pixels) -> Mask:
    """Return where a picture has ink that the empty one does not have."""
    differs: Mask = (np.abs(picture.astype(int) - empty) > INK).any(axis=2)
    return differs


def difference(one: Mask, other: Mask) -> float:
    """Return which part of the ink has none within a pixel in the other picture."""
    near = np.ones((3, 3), dtype=bool)
    alone = (one & ~binary_dilation(other, near)) | (other & ~binary_dilation(one, near))
    return float(alone.sum() / max(1, (one | other).sum()))


class Still:
    """One chart that stands still, photographed as it is drawn in each way."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.chart = Chart(notebook)
        self.chart.until("chart.querySelectorAll('.lw-empty[hidden]').length")
        notebook.ask("chart.paused = True")
        self.chart.until_state("paused")

    def draw(self, way: str) -> None:
        """Have it drawn in a way."""
        self.notebook.ask(f"chart.renderer = {way!r}")
        self.chart.until(f"chart.__livewidget.runtime.renderer.way === {way!r}")

    def photo(self, name: str) -> Pixels:
        """Return what is seen, as rows, columns, RGB."""
        return self.notebook.screenshot(f"canvas-{name}", self.chart.root.locator(".lw-plot"))

    def photos(self, name: str) -> tuple[Pixels, Pixels, Pixels]:
        """Return the picture by bqplot's marks, by the canvas, and without its curves."""
        self.draw("bqplot")
        marks = self.photo(f"{name}-bqplot")
        self.draw("canvas")
        canvas = self.photo(f"{name}-canvas")
        hide = "for (const each of document.querySelectorAll('.lw-canvas')) each.style.opacity = "
        self.notebook.js(f"(() => {{ {hide} 0; }})()")
        empty = self.photo(f"{name}-empty")
        self.notebook.js(f"(() => {{ {hide} 1; }})()")
        return marks, canvas, empty


def compare(still: Still, name: str) -> None:
    marks, canvas, empty = still.photos(name)
    ink = inked(marks, empty)
    assert ink.sum() > 80, "there is a picture at all"
    drawn = inked(canvas, empty)
    assert difference(ink, drawn) < MOST
    assert difference(ink, inked(empty, empty)) > 0.9, "a blank canvas is found out"
    both = ink & drawn
    off = np.abs(marks.astype(int) - canvas)[both].mean()
    assert off < 20, f"the colours are the same: {off:.1f} of 255 apart"


@pytest.mark.parametrize("name", FIGURES)
def test_a_canvas_draws_what_marks_draw(notebook: Notebook, name: str) -> None:
    notebook.show(STILL, FIGURES[name] + "\nchart")
    compare(Still(notebook), name.replace(" ", "-"))


def test_on_black(notebook: Notebook) -> None:
    notebook.show(STILL, FIGURES["bands"] + "\nchart")
    still = Still(notebook)
    notebook.theme("JupyterLab Dark")
    try:
        compare(still, "dark")
    finally:
        notebook.theme("JupyterLab Light")


def test_on_a_screen_with_more_pixels(notebook: Notebook, browser: Browser, lab: Lab) -> None:
    notebook.show(STILL, FIGURES["dashes"] + "\nchart")
    notebook.save()
    context = browser.new_context(viewport={"width": 1100, "height": 850}, device_scale_factor=2)
    try:
        fine = Notebook(context.new_page(), lab.url, notebook.kernel)
        fine.open()
        compare(Still(fine), "fine")
        sizes = "[...document.querySelectorAll('.lw-canvas')].map((c) => c.width / c.clientWidth)"
        assert fine.js(sizes) == [pytest.approx(2, abs=0.01)]
        fine.assert_no_errors()
    finally:
        context.close()
    notebook.page.bring_to_front()


BLANKS = """(async () => {
  const chart = document.querySelector(".livewidget");
  const curves = chart.getElementsByClassName("line");
  let [blank, ways] = [0, new Set()];
  const until = performance.now() + 3000;
  while (performance.now() < until) {
    await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
    const canvas = chart.querySelector(".lw-canvas");
    const marks = [...curves].some((path) => path.getAttribute("d"));
    const ink = canvas?.width
      ? canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)
      : false;
    if (!marks && !ink) blank += 1;
    if (marks !== ink) ways.add(marks ? "bqplot" : "canvas");
  }
  return [blank, ways.size];
})()"""


def test_a_switch_leaves_no_picture_blank(live: Chart) -> None:
    live.notebook.ask(
        "def switch():\n"
        "    for way in ['canvas', 'bqplot'] * 3 + ['canvas']:\n"
        "        chart.renderer = way\n"
        "        time.sleep(0.3)\n"
        "threading.Thread(target=switch, daemon=True).start()"
    )
    blank, ways = live.notebook.js(BLANKS)
    assert ways == 2, "both were seen"
    assert blank == 0


def test_a_lost_canvas_is_told_and_the_picture_goes_on(live: Chart) -> None:
    live.notebook.ask("chart.renderer = 'canvas'")
    live.until("chart.dataset.renderer === 'canvas'")
    shout = "document.querySelector('.lw-canvas').dispatchEvent(new Event('{}'))"
    live.notebook.js(shout.format("contextlost"))
    live.until("chart.dataset.renderer === 'bqplot'")
    live.until("chart.querySelector('.curve .line').getAttribute('d').length > 20")
    live.until("chart.querySelector('.lw-notice').textContent.includes('without the canvas')")
    live.until_moving()
    live.notebook.js(shout.format("contextrestored"))
    live.until("chart.dataset.renderer === 'canvas'")
    live.until("chart.querySelector('.lw-notice').hidden")


def test_a_saved_picture_has_what_the_canvas_has(notebook: Notebook) -> None:
    notebook.show(STILL, FIGURES["noise"] + "\nchart")
    still = Still(notebook)
    sizes = []
    for way in ("bqplot", "canvas"):
        still.draw(way)
        notebook.ask(
            "from PIL import Image\n"
            "picture = np.asarray(Image.open(chart.save_png('saved.png')).convert('RGB'))\n"
            "blue = (np.abs(picture.astype(int) - (47, 125, 246)) < 60).all(axis=2).sum()"
        )
        sizes.append(int(notebook.ask("print(blue)")))
    marks, canvas = sizes
    assert marks > 500
    # Of lines of one pixel and less a browser inks a little less than they cover.
    assert canvas == pytest.approx(marks, rel=0.15)


def test_another_renderer_is_an_error_that_names_what_there_is(notebook: Notebook) -> None:
    told = notebook.ask("try:\n    make(renderer='webgl')\nexcept Exception as e:\n    print(e)")
    assert "auto" in told
    assert "canvas" in told
