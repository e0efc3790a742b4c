"""Many minutes at 100,000 events a second, most of them hidden: nothing grows."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from ..browser.chart import Chart

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..browser.notebook import Notebook

SECONDS = float(os.environ.get("LIVEWIDGET_SOAK_S", "600"))
RATE = 100_000
WARM_UP_S = 40
HIDDEN_S = 50  # of each round, which is a little longer
MB = 1_000_000

CELL = f"""
from livewidget.sources import Synthetic
chart = LiveChart(Synthetic.sensors(rate={RATE}, names=["value"]), y="value", window=2)
charts.append(chart)
display(chart)
"""


@pytest.mark.timeout(SECONDS + 300)
def test_memory_of_kernel_and_browser_is_flat(
    notebook: Notebook, record_property: Callable[[str, object], None]
) -> None:
    notebook.show(CELL)
    chart = Chart(notebook)
    chart.until_moving()
    # The buffer grows until it has come round once, after some 25 s: then nothing may.
    _pass_hidden(notebook, chart, WARM_UP_S)
    begun, before = time.monotonic(), _received(notebook)
    kernels, heaps = [_kernel_bytes(notebook)], [notebook.heap_bytes()]
    while time.monotonic() - begun < SECONDS:
        _pass_hidden(notebook, chart, HIDDEN_S)
        kernels.append(_kernel_bytes(notebook))
        heaps.append(notebook.heap_bytes())
    rate = (_received(notebook) - before) / (time.monotonic() - begun)
    record_property("seconds", round(time.monotonic() - begun))
    record_property("events a second", round(rate))
    record_property("kernel MB, a round each", [round(each / MB, 1) for each in kernels])
    record_property("page heap MB, a round each", [round(each / MB, 1) for each in heaps])
    account = notebook.ask("print(chart.stats()['account'])")
    record_property("account", account.strip())
    assert rate > 0.98 * RATE
    assert max(kernels[-3:]) - kernels[0] < 15 * MB
    assert max(heaps[-3:]) - heaps[0] < 5 * MB


def _pass_hidden(notebook: Notebook, chart: Chart, seconds: float) -> None:
    """Cover the chart while so many seconds' events come in; then watch it for a while."""
    wanted = _received(notebook) + seconds * RATE
    notebook.js("lab.cover()")
    notebook.until_quiet()
    ticks = notebook.wire()["ticks"]
    notebook.until_kernel(f"chart.stats()['received'] > {wanted}", timeout=4 * seconds + 30)
    assert notebook.wire()["ticks"] == ticks
    notebook.js("lab.uncover()")
    chart.until_now(5)
    chart.until_moving(60)


def _received(notebook: Notebook) -> int:
    return int(notebook.ask("print(chart.stats()['received'])"))


def _kernel_bytes(notebook: Notebook) -> int:
    return int(notebook.ask("import gc; gc.collect(); print(psutil.Process().memory_info().rss)"))
