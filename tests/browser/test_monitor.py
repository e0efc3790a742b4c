"""What a real page tells the monitor of a chart."""

from __future__ import annotations

from .chart import Chart
from .conftest import ONE_KERNEL

BUSY = "(() => { const until = performance.now() + 200; while (performance.now() < until); })()"
FIGURES = """
def figures():
    chart.performance.sample()
    row = chart.performance.to_dataframe().iloc[-1]
    return {name: float(value) for name, value in row.dropna().items() if name != "time"}

def long_tasks():
    return chart.performance.counter("livewidget_browser_long_tasks_total").value
"""


@ONE_KERNEL
def test_a_page_tells_of_its_frames_its_heap_and_its_long_tasks(live: Chart) -> None:
    live.notebook.ask(f"exec({FIGURES!r}, globals())")
    told = {"fps", "heap_bytes", "trip_ms", "latency_p99_ms"}
    live.notebook.until_kernel(f"{told} <= set(figures())")
    found = live.notebook.ask("print(json.dumps(figures()))")
    assert found["fps"] > 0
    assert found["heap_bytes"] > 1e6
    assert 0 <= found["trip_ms"] < 10_000
    assert 0 < found["latency_p50_ms"] <= found["latency_p99_ms"] < 60_000
    assert found["rate"] > 0
    before = live.notebook.ask("print(long_tasks())")
    live.notebook.js(f"setTimeout(() => {BUSY}, 0)")
    live.notebook.until_kernel(f"long_tasks() > {before}")
