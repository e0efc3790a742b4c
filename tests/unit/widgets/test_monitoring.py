"""What docs/monitoring.md shows does what it says; a chart's own monitor; figures on a chart."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import pytest

from livewidget import LiveChart, PerformanceMonitor, Recording
from livewidget.data.errors import ClosedError
from livewidget.testing import wait_until

TEXT = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text()


def test_the_cells_of_the_guide_run_one_after_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    callbacks = list(gc.callbacks)
    names: dict[str, object] = {}
    for cell in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(cell, names)
    monitor = names["monitor"]
    assert "fills_total" in (tmp_path / "livewidget.prom").read_text()
    assert {"rate", "orders_open"} <= set(monitor.to_dataframe())
    assert '"panels"' in names["dashboard"]
    assert gc.callbacks == callbacks


def test_the_guide_names_every_figure_and_every_rule():
    from livewidget.engine import pages, process, telemetry
    from livewidget.monitor.rules import RULES

    for name in (*pages.COLUMNS, *process.COLUMNS, *telemetry.COLUMNS):
        assert f"`{name}`" in TEXT or f"`{name.removeprefix('latency')}`" in TEXT, name
    for rule in RULES:
        assert f"`{rule['name']}` | `{rule['when'].partition(' clear')[0]}`" in TEXT
    for target in re.findall(r"\]\((?!https:)([^)#]+)", TEXT):
        assert (Path(__file__).parents[3] / "docs" / target).exists()


def test_figures_are_charted_alerted_on_and_recorded_as_any_stream(make, tmp_path):
    watched = make(y=["a"])
    monitor = watched.performance
    assert isinstance(monitor, PerformanceMonitor)
    chart = LiveChart(monitor.stream, y=["latency_p99_ms", "memory_share"])
    chart.show_alerts(monitor.alerts)
    recorder = monitor.stream.record(tmp_path / "figures")
    for _ in range(3):
        monitor.sample()
    wait_until(lambda: len(chart.to_dataframe()) >= 3)
    assert chart.stats()["state"] == "live"
    chart.close()
    recorder.stop()
    assert Recording(tmp_path / "figures").rows >= 3
    watched.close()
    with pytest.raises(ClosedError):
        monitor.start()
