"""The way between page and server carries less than is drawn: frames are compressed first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from livewidget.testing import FaultProxy

from .chart import Chart
from .kernel import PRELUDE
from .notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from .lab import Lab

SLOW = 0.7  # of the bytes a second that it takes to draw all
MEASURED_S = 2.0
SETTLES_S = 4.0  # what is under way spans two seconds
FRAMES_S = 4.0
PATIENCE_S = 20
OWN = ("of the page's time", "of the engine's time")
# Rounded, as most sensors are; many values a pixel.
FEED = """
NAMES = [f"s{place}" for place in range(8)]
chart = make(y=NAMES, window=1, max_fps=15, renderer="canvas", motion="off")
made = [0]
noise = np.random.default_rng(1).normal(scale=0.3, size=(8, 1 << 16))
def run():
    until = time.time_ns()
    while not stop.wait(0.02):
        now = time.time_ns()
        count = (now - until) // 100_000
        times = until + np.arange(1, count + 1) * 100_000
        until = int(times[-1])
        waves = np.round(noise.take(np.arange(made[0], made[0] + count), 1, mode="wrap"), 1)
        made[0] += count
        try:
            chart.push(dict(zip(NAMES, waves, strict=True), time=times))
        except ClosedError:
            return
threading.Thread(target=run, name="feed", daemon=True).start()
packing = chart._hub.adapt.compression.packing
chart
"""


@pytest.fixture
def behind(lab: Lab, browser: Browser) -> Iterator[tuple[FaultProxy, Notebook]]:
    """A page that reaches its server through a proxy."""
    with FaultProxy(lab.port) as proxy:
        lab.write("slow-current.ipynb", [""], "current")
        page = browser.new_context(viewport={"width": 1100, "height": 850}).new_page()
        notebook = Notebook(page, f"http://127.0.0.1:{proxy.port}", "current", "slow-")
        notebook.open()
        notebook.ask(PRELUDE)
        yield proxy, notebook
        proxy.heal()
        notebook.js("lab.panel.sessionContext.shutdown()")
        page.context.close()


def bytes_a_second(proxy: FaultProxy, notebook: Notebook) -> float:
    """What goes both ways while nothing holds it back."""
    before = proxy.passed
    notebook.page.wait_for_timeout(1000 * MEASURED_S)
    return (proxy.passed - before) / MEASURED_S


def told(notebook: Notebook) -> dict[str, Any]:
    found: dict[str, Any] = notebook.ask("print(json.dumps(chart.stats(), default=str))")
    return found


@pytest.mark.timeout(150)
def test_frames_are_compressed_before_quality_falls(behind: tuple[FaultProxy, Notebook]) -> None:
    proxy, notebook = behind
    notebook.show(FEED)
    chart = Chart(notebook)
    chart.until_moving(30, 20)

    plain = bytes_a_second(proxy, notebook)
    # What a busy machine gave up before, or page and kernel by themselves, is not for the link.
    before = told(notebook)["decisions"]
    proxy.throttle(SLOW * plain)
    notebook.until_kernel("packing.on", PATIENCE_S)
    seen = told(notebook)
    since = [each["text"] for each in reversed(seen["decisions"][: -len(before) or None])]
    first = next(text for text in since if not any(own in text for own in OWN))
    assert first.startswith("frames are compressed to "), seen["decisions"]
    assert "the link holds" in first
    assert seen["compression"]["after"] < seen["compression"]["before"]

    # At the best, whatever that costs: with it, and without.
    proxy.heal()
    notebook.ask("packing.allowed = False; chart.quality = 'high'")
    notebook.until_kernel("not packing.on")
    chart.until_moving(30, 20)
    proxy.throttle(SLOW * bytes_a_second(proxy, notebook))
    notebook.page.wait_for_timeout(1000 * SETTLES_S)
    without = chart.frames_in(FRAMES_S)
    notebook.ask("packing.allowed = True")
    notebook.until_kernel("packing.on", PATIENCE_S)
    notebook.page.wait_for_timeout(1000 * SETTLES_S)
    assert chart.frames_in(FRAMES_S) > 1.2 * without, (without, told(notebook))
