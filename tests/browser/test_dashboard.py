"""The dashboard: what a person sees of a stream's stages, and what the buttons do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .axe import barriers
from .conftest import ONE_KERNEL

if TYPE_CHECKING:
    from .notebook import Notebook

pytestmark = [pytest.mark.browser, ONE_KERNEL]

SLOW = """
from livewidget import PerformanceWidget
from livewidget.buffers.queue import Queue
from livewidget.pipeline.calculate import Filter

class Slow(Filter):
    "An operator that takes its time, as one that asks another service does."
    def bind(self, schema, clock):
        bound = super().bind(schema, clock)
        def step(batch, tally):
            time.sleep(len(batch) * 0.0008)
            return bound.step(batch, tally)
        return dataclasses.replace(bound, step=step)

import dataclasses
chart = feed(make(pipeline=Slow("value > -100"), workers=1, queue=Queue(batch_rows=40),
                  title="Slow"), rows=40)
board = PerformanceWidget(chart)
boxes.append(board)
display(chart)
display(board)
"""
QUICK = """
from livewidget import PerformanceWidget
chart = feed(make(title="Quick"))
board = PerformanceWidget(chart)
boxes.append(board)
display(chart)
display(board)
"""
BOARD = "document.querySelector('.lw-dashboard')"
LINE = "document.activeElement.querySelector('.lw-spark-line')"
CUT = f"""[...{BOARD}.querySelectorAll('.lw-stage-rate, .lw-figure-value, .lw-quantile')]
  .filter((each) => {{
    const box = each.closest('.lw-stage-box, .lw-figure, .lw-latency').getBoundingClientRect();
    const own = each.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1 || own.height > 20;
  }}).map((each) => each.textContent)"""
READ = r"\d+:\d\d:\d\d( [AP]M)?: [\d.]+k?"  # a time and a figure


def test_a_slow_operator_is_seen_told_and_something_can_be_done(notebook: Notebook) -> None:
    notebook.page.set_viewport_size({"width": 1100, "height": 1500})
    notebook.show(SLOW)
    board = notebook.page.locator(".lw-dashboard")
    notebook.until(f"{BOARD}?.querySelectorAll('.lw-stage-box').length >= 6", timeout=20)
    names = board.locator(".lw-stage-name").all_inner_texts()
    assert names[:3] == ["source", "pipeline", "buffer"]
    assert names[-3:] == ["frames", "link", "browser"]
    limits = f"{BOARD}.querySelector('.lw-limits .lw-stage-name')?.textContent === 'pipeline'"
    notebook.until(limits, timeout=20)
    assert board.locator(".lw-limits .lw-stage-mark").is_visible(), "said in words, too"
    notebook.until(f"{BOARD}.querySelector('.lw-finding button')", timeout=20)
    notebook.until(f"{BOARD}.querySelectorAll('.lw-bar').length > 0", timeout=20)
    notebook.page.locator(".lw-summary").first.click()
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        notebook.scroll_to(0)
        board.locator(".lw-pad").first.focus()  # as it looks while it is read, too
        assert barriers(notebook) == [], theme
        notebook.screenshot(f"dashboard-{theme.split()[1].lower()}", board)
    notebook.theme("JupyterLab Light")
    notebook.page.set_viewport_size({"width": 760, "height": 1500})
    notebook.screenshot("dashboard-narrow", board)
    wide = f"{BOARD}.scrollWidth <= {BOARD}.clientWidth + 1"
    assert notebook.js(wide), "nothing is cut off where there is little room"
    notebook.page.set_viewport_size({"width": 1100, "height": 850})
    button = board.locator(".lw-finding button").first
    button.focus()
    notebook.page.keyboard.press("Enter")
    notebook.until(f"{BOARD}.querySelector('.lw-finding-status')", timeout=20)
    board.get_by_role("button", name="Take back").first.click()
    notebook.until(
        f"[...{BOARD}.querySelectorAll('.lw-finding-status')].some("
        "(each) => each.textContent === 'taken back')",
        timeout=20,
    )


def test_the_figures_are_read_by_arrows_and_by_pointer(notebook: Notebook) -> None:
    notebook.show(QUICK)
    notebook.until(f"{BOARD}?.querySelectorAll('.lw-bar').length > 0", timeout=20)
    board = notebook.page.locator(".lw-dashboard")
    events = board.get_by_role("slider", name="events, the last two minutes")
    bars = notebook.page.get_by_role("slider", name="Latency, from bar to bar")
    keys = notebook.page.keyboard
    events.focus()
    notebook.until(f"{LINE}.getAttribute('d').split('L').length > 3", timeout=20)
    keys.press("Home")
    first = events.get_attribute("aria-valuetext") or ""
    assert re.fullmatch(READ + r"/s", first), first
    keys.press("End")
    last = events.get_attribute("aria-valuetext") or ""
    assert re.fullmatch(READ + r"/s", last), last
    assert first.split(": ")[0] != last.split(": ")[0], "another time"
    keys.press("ArrowDown")
    lost = board.get_by_role("slider", name="lost, the last two minutes")
    assert lost.evaluate("(pad) => pad === document.activeElement"), "no cell below was chosen"
    bars.focus()
    keys.press("Home")
    bar = bars.get_attribute("aria-valuetext") or ""
    assert re.fullmatch(r"[\d.]+k? to [\d.]+k? ms: \d+k? \(\d+ %\)", bar), bar
    box = events.bounding_box()
    assert box is not None
    notebook.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    notebook.until(f"/\\d:\\d\\d:\\d\\d/.test({BOARD}.querySelector('.lw-moment')?.textContent)")
    notebook.screenshot("dashboard-read", board)
    notebook.page.mouse.move(0, 0)
    for width in (320, 480, 800):
        notebook.js(f"{BOARD}.style.width = `${{arg}}px`", width)
        assert notebook.js(CUT) == [], f"each in one line, and within its box, at {width} px"
    notebook.until(f"{BOARD}.querySelector('.lw-moment') === null")
