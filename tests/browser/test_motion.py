"""The time axis glides between frames that come slowly, where that is wanted, and else it steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .chart import Chart
from .conftest import ONE_KERNEL

if TYPE_CHECKING:
    from .notebook import Notebook

pytestmark = [pytest.mark.browser, ONE_KERNEL]

SLOW = """
chart = make(y="a", window=10, renderer="canvas", motion="on")
ended = threading.Event()
def feed():
    while not ended.wait(0.09):
        chart.push({"time": time.time_ns(), "a": time.time() % 1})
threading.Thread(target=feed, daemon=True).start()
chart
"""
STEPS = """(async () => {
  const { runtime } = document.querySelector(".livewidget").__livewidget;
  const [from, stops] = [runtime.store.sequence, new Set()];
  let [back, last] = [0, 0];
  const until = performance.now() + 2000;
  while (performance.now() < until) {
    await new Promise(requestAnimationFrame);
    const absolute = Number(runtime.viewport.origin / 1000n) + runtime.viewport.stop / 1000;
    if (absolute < last - 5) back += 1;  // µs: where the origin moves on, sums round
    last = absolute;
    stops.add(absolute);
  }
  return [stops.size, runtime.store.sequence - from, back];
})()"""


def test_the_axis_glides_between_slow_frames_and_steps_when_told(notebook: Notebook) -> None:
    notebook.show(SLOW)
    chart = Chart(notebook)
    chart.until_moving()
    chart.until("chart.dataset.renderer === 'canvas'")
    places, frames, back = notebook.js(STEPS)
    assert places > 1.5 * frames, "there are pictures between the frames"
    assert back == 0, "it never goes back"
    notebook.ask("chart.motion = 'off'")
    chart.until_moving()
    places, frames, _ = notebook.js(STEPS)
    assert places <= frames + 2
    notebook.ask("ended.set()")
