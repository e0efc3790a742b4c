"""The dashboard: what a person sees of a stream's stages, and what the buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
BOARD = "document.querySelector('.lw-dashboard')"


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
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        notebook.scroll_to(0)
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
