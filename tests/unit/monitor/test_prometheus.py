"""What Prometheus is told, read by its own parser; and that the dashboard asks for nothing else."""

import json
import re
import sys
import urllib.error
import urllib.request
from importlib.resources import files

import pytest
from prometheus_client.parser import text_string_to_metric_families

from livewidget.data.errors import MissingExtraError, SettingError
from livewidget.engine.monitor import PerformanceMonitor
from livewidget.engine.streamer import DataStreamer
from livewidget.monitor.prometheus import MetricsServer, write
from livewidget.monitor.registry import Registry
from livewidget.testing import ManualClock


@pytest.fixture
def registry():
    found = Registry()
    found.counter("rows_total", "Rows taken in", labels=("stage",)).labels('so"urce\n').add(5)
    found.gauge("orders_open", read=lambda: 3)
    took = found.histogram("took_seconds", "Time", "seconds")
    took.observe_many([0.0005, 0.001, 0.0015, 0.5, 1_000.0])
    return found


def parsed(text):
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def test_a_scrape_has_every_metric_with_its_value(registry):
    server = MetricsServer(registry, 0, "127.0.0.1")
    try:
        with urllib.request.urlopen(server.url, timeout=5) as answer:
            found = parsed(answer.read().decode())
    finally:
        server.close()
    assert found["rows_total", (("stage", 'so"urce\n'),)] == 5
    assert found["orders_open", ()] == 3
    assert found["took_seconds_count", ()] == 5
    assert found["took_seconds_sum", ()] == pytest.approx(1_000.503)
    below = {dict(k)["le"]: v for (n, k), v in found.items() if n == "took_seconds_bucket"}
    assert (below["0.0005"], below["0.001"], below["0.002"], below["0.512"]) == (1, 2, 3, 4)
    assert (below["65.536"], below["+Inf"]) == (4, 5)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url, timeout=1)


def test_a_file_is_written_whole_and_nothing_else_is_left(registry, tmp_path):
    path = tmp_path / "livewidget.prom"
    path.write_text("what was there")
    write(registry, path)
    assert parsed(path.read_text())["orders_open", ()] == 3
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_port_that_is_taken_or_none_is_an_error_that_names_it(registry):
    server = MetricsServer(registry, 0, "127.0.0.1")
    try:
        for port in (server.port, 99_999, "80"):
            with pytest.raises(SettingError, match=str(port)):
                MetricsServer(registry, port, "127.0.0.1")
    finally:
        server.close()


def test_without_the_package_the_extra_is_named(registry, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtraError, match=r"livewidget\[metrics\]"):
        MetricsServer(registry, 0, "127.0.0.1")
    with pytest.raises(MissingExtraError, match=r"livewidget\[metrics\]"):
        write(registry, tmp_path / "a.prom")


def test_every_query_of_the_dashboard_names_a_metric_that_a_scrape_has(tmp_path, no_engine):
    clock = ManualClock()
    monitor = PerformanceMonitor(DataStreamer(engine=no_engine, clock=clock), clock)
    monitor.write_metrics(tmp_path / "all.prom")
    text = (tmp_path / "all.prom").read_text()
    known = set()
    for name, kind in re.findall(r"# TYPE (\S+) (\S+)", text):
        known.add(name)
        if kind == "histogram":
            known |= {f"{name}_{end}" for end in ("bucket", "sum", "count")}
    dashboard = json.loads(files("livewidget.monitor").joinpath("grafana.json").read_text())
    targets = [each for panel in dashboard["panels"] for each in panel["targets"]]
    asked = {name for each in targets for name in re.findall(r"livewidget_\w+", each["expr"])}
    assert len(targets) > 20
    assert asked <= known, asked - known
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        assert len({each["refId"] for each in panel["targets"]}) == len(panel["targets"])
