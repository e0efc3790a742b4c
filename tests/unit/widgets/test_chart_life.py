"""From birth to close: what a chart holds is freed, and no secret stays behind."""

import gc
import json
import threading
from types import SimpleNamespace

import ipywidgets
import psutil
import pytest

from livewidget import DataStreamer, LiveChart
from livewidget.sources import Machine, Synthetic
from livewidget.testing import ListSource, wait_until
from livewidget.widgets import kernel

SECRET = "hunter2"
CHARTS = 500


def widgets():
    return len(ipywidgets.widgets.widget._instances)


def handlers():
    from comm import get_comm_manager

    return len(get_comm_manager().comms)


def test_close_frees_comms_source_and_watchers():
    kernel.shared()
    before = widgets()
    source = ListSource([{"a": 1.0}], hold=True)
    chart = LiveChart(source, y="a")
    wait_until(lambda: chart.stats()["stored"] == 1)
    chart.close()
    assert source.stopped
    assert widgets() == before
    assert chart.comm is None
    assert chart.streamer._runner._watchers == []
    assert chart._hub.session(chart.chart) is None
    assert repr(chart) == "LiveChart(closed)"
    chart.close()


def test_closing_the_chart_of_a_handed_in_streamer_takes_its_watcher_back():
    with DataStreamer() as streamer:
        for _ in range(3):
            LiveChart(streamer, y="a").close()
        assert streamer._runner._watchers == []


def test_the_block_of_a_with_closes_even_where_it_raises():
    with pytest.raises(RuntimeError, match="boom"), LiveChart(y="a") as chart:
        raise RuntimeError("boom")
    assert repr(chart) == "LiveChart(closed)"


def test_a_source_that_cannot_be_leaves_nothing_behind():
    kernel.shared()
    before = widgets(), threading.active_count()
    for _ in range(5):
        with pytest.raises(ValueError, match="interval"):
            LiveChart(Machine(), y="cpu", interval=1)
    assert (widgets(), threading.active_count()) == before


def run_charts(count):
    for number in range(count):
        chart = LiveChart(Synthetic.sensors(rate=1000, seed=number), title="one of many")
        chart.push({"time": 1.0e9, "temperature": 1.0, "pressure": 2.0, "humidity": 3.0})
        chart.close()


def test_500_charts_leave_memory_threads_and_comms_flat(record_property):
    run_charts(50)
    gc.collect()
    before = widgets(), handlers(), threading.active_count()
    memory = psutil.Process().memory_info().rss
    run_charts(CHARTS)
    gc.collect()
    grown = psutil.Process().memory_info().rss - memory
    record_property("memory grown", f"{grown / 2**20:.1f} MiB over {CHARTS} charts")
    assert (widgets(), handlers(), threading.active_count()) == before
    alive = sum(isinstance(each, LiveChart) for each in gc.get_objects())
    assert alive <= 2
    assert grown < 20 * 2**20


class Shell:
    """An IPython that says which cell runs."""

    def __init__(self):
        self.cell = "one"
        self.events = self
        self.callbacks = []

    def get_parent(self):
        return {"metadata": {"cellId": self.cell}}

    def register(self, _, callback):
        self.callbacks.append(callback)

    def run(self, cell):
        self.cell = cell
        info = type("Info", (), {"cell_id": cell})()
        for callback in self.callbacks:
            callback(info)


@pytest.fixture
def shell(monkeypatch):
    shell = Shell()
    monkeypatch.setattr(kernel, "_shell", lambda: shell)
    monkeypatch.setattr(kernel, "_watching", False)
    monkeypatch.setattr(kernel, "_made_by", {})
    return shell


def test_running_a_cell_again_frees_its_charts_and_no_others(shell):
    first, second = LiveChart(y="a"), LiveChart(y="b")
    shell.run("two")
    other = LiveChart(y="c")
    shell.run("one")
    assert [repr(each) for each in (first, second)] == ["LiveChart(closed)"] * 2
    assert other.push(c=1.0) == 1
    other.close()
    assert kernel._made_by == {}


def test_a_chart_whose_cell_runs_again_leaves_the_outputs_that_ipython_keeps(shell):
    chart, other = LiveChart(y="a"), object()
    outputs = {3: chart, 4: other}
    shell.user_ns = {"mine": chart, "_": chart, "__": other, "_3": chart, "_4": other}
    shell.user_ns |= {"_oh": outputs, "_private": chart}
    shell.user_ns_hidden = {"_3": chart}
    shell.displayhook = SimpleNamespace(_=chart, __=other, ___=chart)
    shell.run("one")
    assert outputs == {4: other}
    kept = {name for name, value in shell.user_ns.items() if value is chart}
    assert kept == {"mine", "_private"}, "under a name of the user's it stays"
    assert shell.user_ns_hidden == {"_3": ""}
    assert shell.displayhook == SimpleNamespace(_="", __=other, ___="")


def test_a_hundred_runs_of_a_cell_leave_one_chart(shell):
    kernel.shared()
    before = widgets()
    for _ in range(100):
        shell.run("one")
        chart = LiveChart(y="a")
    assert len(kernel._made_by["one"]) == 1
    chart.close()
    assert widgets() == before


def state_of(chart):
    """All that is synced with a page or saved in a notebook."""
    return json.dumps({name: str(value) for name, value in chart.get_state().items()})


@pytest.mark.parametrize(
    ("url", "options"),
    [
        (f"ws://user:{SECRET}@127.0.0.1:9/feed", {}),
        (f"ws://127.0.0.1:9/feed?token={SECRET}", {}),
        ("ws://127.0.0.1:9/feed", {"headers": {"Authorization": f"Bearer {SECRET}"}}),
        ("ws://127.0.0.1:9/feed", {"subscribe": {"key": SECRET}}),
    ],
)
def test_no_secret_is_synced_shown_told_or_logged(make, caplog, url, options):
    chart = make(url, y="a", **options)
    wait_until(lambda: chart.stats()["state"] == "reconnecting")
    shown = [repr(chart), repr(chart.streamer), str(chart.stats()), state_of(chart), caplog.text]
    assert not [text for text in shown if SECRET in text]
    assert not {"source", "url", "headers"} & set(chart.keys)


def test_what_is_synced_is_small(make):
    chart = make(y="a")
    chart.push({"a": [1.0] * 100_000})
    bulky = {
        name: value for name, value in chart.get_state().items() if name not in ("_esm", "_css")
    }
    assert len(str(bulky)) < 3_000
