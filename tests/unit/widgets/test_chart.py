"""LiveChart over each kind of source, its data, its settings; the browser is a message away."""

import asyncio
import threading
import time

import numpy as np
import pandas as pd
import pytest
from traitlets import TraitError

from livewidget import DataStreamer, LiveChart
from livewidget.data.errors import SettingError
from livewidget.sources import Machine, Synthetic
from livewidget.testing import ListSource, RecordingTransport, WebSocketServer, wait_until

ROWS = 5


def table():
    times = pd.date_range("2026-01-01", periods=ROWS, freq="1ms")
    return pd.DataFrame({"time": times, "a": np.arange(ROWS, dtype=float)})


def generator():
    for value in range(ROWS):
        yield {"a": float(value)}


async def async_generator():
    for value in range(ROWS):
        await asyncio.sleep(0)
        yield {"a": float(value)}


class Countdown:
    """A callable that has something new five times."""

    def __init__(self):
        self.left = ROWS

    def __call__(self):
        self.left -= 1
        return {"a": float(ROWS - 1 - self.left)} if self.left >= 0 else None


SOURCES = {
    "a generator": lambda: (generator(), {}),
    "a generator function": lambda: (generator, {}),
    "an async generator": lambda: (async_generator, {}),
    "an iterable": lambda: (list(generator()), {}),
    "a callable": lambda: (Countdown(), {"interval": 0.005}),
    "a DataFrame": lambda: (table(), {"speed": 100}),
    "a Source": lambda: (ListSource(list(generator())), {}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_over_each_kind_of_source(make, kind):
    source, options = SOURCES[kind]()
    chart = make(source, y="a", **options)
    wait_until(lambda: chart.stats()["stored"] == ROWS)
    assert chart.to_dataframe()["a"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_over_a_url(make):
    with WebSocketServer(greeting=[{"time": 1.7e9 + n, "a": float(n)} for n in range(ROWS)]) as it:
        chart = make(it.url, x="time", y="a")
        wait_until(lambda: chart.stats()["stored"] == ROWS)
        assert chart.to_dataframe()["time"][0] == pd.Timestamp(1.7e9, unit="s", tz="UTC")


def test_over_this_machine(make):
    chart = make(Machine(interval=0.01), y=["cpu", "memory"])
    wait_until(lambda: chart.stats()["stored"] >= 3)
    frame = chart.to_dataframe()
    assert frame["memory"].between(0, 100).all()
    assert frame["cpu"].dropna().between(0, 100).all()


def test_by_makes_a_series_of_each_key(make):
    chart = make(Synthetic.prices(rate=500, symbols=("AB", "CD"), count=40), y="bid", by="symbol")
    wait_until(lambda: chart.stats()["state"] == "ended")
    assert chart.to_dataframe()["symbol"].value_counts().to_dict() == {"AB": 20, "CD": 20}


# Data in and out


def test_push_from_many_threads_loses_nothing(make):
    chart, threads, pushes = make(y=["a", "thread"]), 8, 200

    def push(thread):
        for value in range(pushes):
            chart.push(a=float(value), thread=float(thread))

    workers = [threading.Thread(target=push, args=(each,)) for each in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    account = chart.stats()["account"]
    assert account.received == account.stored == threads * pushes
    for _, rows in chart.to_dataframe().groupby("thread"):
        assert sorted(rows["a"]) == list(range(pushes))


def test_push_takes_what_is_tabular(make):
    chart = make(y="a")
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    forms = [{"a": [0.0]}, [{"a": 1.0}], pd.DataFrame({"a": [2.0]}), arrow.table({"a": [3.0]})]
    assert [chart.push(form) for form in forms] == [1, 1, 1, 1]
    assert chart.push(a=4.0) == 1
    assert chart.to_dataframe()["a"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_range_in_a_zone(make):
    chart = make(x="time", y="a")
    chart.push(table())
    start, stop = "2026-01-01 00:00:00.001", "2026-01-01 00:00:00.003"
    frame = chart.to_dataframe(start, stop, tz="Europe/Berlin")
    assert frame["a"].tolist() == [1.0, 2.0]
    assert str(frame["time"].dt.tz) == "Europe/Berlin"


def test_files_hold_what_the_buffer_holds(make, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    chart = make(x="time", y="a")
    chart.push(table())
    chart.to_csv(tmp_path / "a.csv")
    chart.to_parquet(tmp_path / "a.parquet", start="2026-01-01 00:00:00.002")
    assert pd.read_csv(tmp_path / "a.csv")["a"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert pd.read_parquet(tmp_path / "a.parquet")["a"].tolist() == [2.0, 3.0, 4.0]


def test_max_points_bounds_the_buffer_and_may_change(make):
    chart = make(y="a", max_points=3)
    chart.push({"a": np.arange(10.0)})
    assert chart.to_dataframe()["a"].tolist() == [7.0, 8.0, 9.0]
    chart.max_points = 2
    assert chart.to_dataframe()["a"].tolist() == [8.0, 9.0]


def test_the_buffer_keeps_ten_windows(make):
    chart = make(x="time", y="a", window="1s")
    seconds = np.arange(100)
    chart.push({"time": seconds * 1_000_000_000 + 10**18, "a": seconds.astype(float)})
    assert chart.to_dataframe()["a"].tolist() == list(range(89, 100))
    chart.window = 2
    chart.push(time=10**18 + 100 * 10**9, a=100.0)
    assert chart.to_dataframe()["a"].tolist() == list(range(89, 101))


def test_sampling_rate_thins_and_counts(make):
    chart = make(x="time", y="a", sampling_rate=10)
    chart.push({"time": 10**18 + np.arange(1000) * 1_000_000, "a": np.arange(1000.0)})
    stats = chart.stats()
    assert (stats["stored"], stats["filtered"]) == (10, 990)
    chart.sampling_rate = None
    chart.push(time=10**18 + 10**9, a=1.0)
    assert chart.stats()["stored"] == 11


def test_stats_balance_and_name_what_they_tell(make):
    chart = make(y="a")
    chart.push({"a": np.arange(100.0)})
    stats = chart.stats()
    account = stats["account"]
    parts = (account.stored, account.filtered, account.rejected, account.dropped)
    assert account.received == sum(parts) + account.in_flight == 100
    assert {"state", "rate", "fill", "latency_ms", "fps", "cpu", "memory"} <= set(stats)


# Pause and wait


def test_pausing_stops_the_picture_and_not_the_capture(make):
    chart = make(y="a")
    chart.push(a=1.0)
    chart.paused = True
    assert chart._hub.engine.call(lambda: chart._session.paused)
    chart.push({"a": np.arange(50.0)})
    chart.paused = False
    notice = chart._hub.engine.call(lambda: chart._session.notice(chart.streamer.now()))
    assert notice.endswith("50 events passed while paused")
    assert len(chart.to_dataframe()) == 51


def test_a_chart_may_begin_paused(make):
    chart = make(y="a", paused=True)
    assert chart._hub.engine.call(lambda: chart._session.paused)


def test_what_advice_has_set_the_traits_say_and_take_back(make):
    chart = make(y="a")
    session, engine = chart._session, chart._hub.engine
    engine.call(lambda: session.choose("quality", "fast"))
    engine.call(lambda: session.choose("cap", 10.0))
    assert (chart.quality, chart.max_fps) == ("fast", 10)
    chart.quality, chart.max_fps = "auto", 30
    assert engine.call(lambda: (session.quality, session.cap)) == ("auto", 30)


def test_settings_reach_the_running_chart(make):
    chart = make(y="a")
    chart.max_fps, chart.window = 5, "2min"
    assert chart._hub.engine.call(lambda: chart._session.cap) == 5
    assert chart._session._window == 120 * 10**9


def test_quality_changes_on_a_running_chart_and_is_told(make):
    chart = make(y="a", quality="fast")
    assert chart.stats()["quality"]["mode"] == "fast"
    chart.quality = "high"
    assert chart._hub.engine.call(lambda: chart._session.quality) == "high"
    with pytest.raises(TraitError, match="quality"):
        chart.quality = "normal"
    assert chart.quality == "high"


def test_wait_returns_what_came_true(make):
    chart = make(ListSource([{"a": 1.0}], hold=True), y="a")
    assert chart.wait(lambda: chart.stats()["stored"], timeout=10) == 1


def test_wait_without_a_condition_is_for_the_end(make):
    chart = make(ListSource([{"a": 1.0}]), y="a")
    assert chart.wait(timeout=10)


def test_wait_gives_up(make):
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        make(y="a").wait(lambda: False, timeout=0.01)


# A DataStreamer that was handed in


def test_a_streamer_that_was_handed_in_stays_its_owners():
    with DataStreamer() as streamer:
        first, second = LiveChart(streamer, y="a"), LiveChart(streamer, y="b")
        first.push(a=1.0, b=2.0)
        first.close()
        streamer.push({"a": 3.0, "b": 4.0})
        assert second.to_dataframe()["b"].tolist() == [2.0, 4.0]
        second.close()
        assert streamer.push({"a": 5.0, "b": 6.0}) == 1


@pytest.mark.parametrize("options", [{"x": "t"}, {"interval": 1}])
def test_what_is_the_streamers_is_set_there(options):
    with DataStreamer() as streamer, pytest.raises(SettingError, match="set them there"):
        LiveChart(streamer, y="a", **options)


# The browser's part


@pytest.fixture
def browser(monkeypatch):
    """A browser that keeps what it is sent; `browser.receive` is a message of its own."""
    chart = LiveChart(y="a")
    transport = RecordingTransport()
    transport.handler = chart.link.handler
    monkeypatch.setattr(chart._hub, "_transport", transport)
    transport.chart = chart
    yield transport
    chart.close()


def test_a_picture_is_what_the_browser_sends(browser, tmp_path):
    def answer():
        wait_until(lambda: browser.of_kind("save"))
        request = browser.of_kind("save")[0][0]["request"]
        saved = {"kind": "saved", "client": "c", "chart": 1, "request": request, "error": ""}
        browser.receive(saved, [memoryview(b"PNG")])

    page = threading.Thread(target=answer)
    page.start()
    path = browser.chart.save_png(tmp_path / "a.png")
    page.join()
    assert path.read_bytes() == b"PNG"


def test_a_picture_that_nobody_sees_is_a_timeout_that_says_so(browser, tmp_path):
    with pytest.raises(TimeoutError, match=r"no browser sent a picture within 0\.01 s"):
        browser.chart.save_png(tmp_path / "a.png", timeout=0.01)
    assert not (tmp_path / "a.png").exists()


def test_a_malformed_message_of_a_browser_is_passed_over(browser):
    before = browser.chart._hub.inbox.malformed
    for content in ({}, {"kind": "?"}, {"kind": "view", "chart": "x"}, [], {"kind": "ack"}):
        browser.receive(content)
    wait_until(lambda: browser.chart._hub.inbox.malformed == before + 5)
    assert browser.chart.push(a=1.0) == 1


def test_a_message_for_a_closed_view_is_answered(browser):
    browser.chart.close()
    view = {"client": "c", "view": 1, "width": 800, "visible": True, "ratio": 1}
    browser.receive({"kind": "view", "chart": 10**6, **view})
    closed = lambda: [c for c, _ in browser.of_kind("closed") if c["chart"] == 10**6]  # noqa: E731
    wait_until(closed)
    assert "closed" in closed()[0]["reason"]


def test_the_toolbars_file_goes_to_who_asked(browser):
    browser.chart.push(a=1.5)
    chart = browser.chart.chart
    browser.receive({"kind": "export", "client": "me", "chart": chart, "format": "csv"})
    wait_until(lambda: browser.of_kind("download"))
    content, (text,) = browser.of_kind("download")[0]
    assert content["client"] == "me"
    assert text.decode().splitlines()[0] == "time,a"


def test_a_chart_that_nobody_sees_sends_no_frame(browser):
    begin = time.monotonic()
    for value in range(20):
        browser.chart.push(a=float(value))
    browser.chart._hub.engine.call(lambda: browser.chart._hub._draw(begin + 100))
    assert not browser.of_kind("tick")
