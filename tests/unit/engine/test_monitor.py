"""PerformanceMonitor: its figures as a stream, with a streamer and without, and what it lets go."""

import asyncio
import gc
import itertools
import threading
import time
import urllib.error
import urllib.request

import pytest

from livewidget import BufferManager, DataStreamer, PerformanceMonitor
from livewidget.data.errors import ClosedError, MetricError, SchemaError, SettingError
from livewidget.engine.thread import Engine
from livewidget.testing import ManualClock, wait_until

from .rig import NO_ENGINE


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def streamer(clock):
    return DataStreamer(engine=NO_ENGINE, clock=clock)


@pytest.fixture
def monitor(streamer, clock):
    with PerformanceMonitor(streamer, clock) as monitor:
        yield monitor


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def push(streamer, clock, rows, seconds):
    streamer.push({"time": [clock.now()] * rows, "y": range(rows)})
    clock.advance(seconds)


def test_its_figures_are_a_stream_with_a_row_for_each_sample(monitor, streamer, clock):
    monitor.sample()
    for _ in range(3):
        push(streamer, clock, 500, 1)
        monitor.sample()
    frame = monitor.to_dataframe()
    assert frame["rate"].tolist() == [0, 500, 500, 500]
    assert frame["stored_rate"].iloc[-1] == 500
    assert frame["time"].diff().dt.total_seconds().tolist()[1:] == [1, 1, 1]
    assert (frame["memory_bytes"] > 1e6).all()
    assert frame["latency_p99_ms"].isna().all()
    assert len(monitor.to_dataframe(last="1s")) == 2
    assert monitor.stream.account().stored == 4
    with pytest.raises(SettingError, match="last"):
        monitor.to_dataframe(last="soon")


def test_what_pages_tell_is_in_the_figures_and_in_the_metrics(monitor, clock):
    monitor.sample()
    clock.advance(1)
    monitor.framed(1_000)
    monitor.drawn("A", 0, 0.0, [], clock.monotonic())
    clock.advance(1)
    monitor.drawn("A", 30, 4.0, [10.0] * 98 + [400.0] * 2, clock.monotonic())
    monitor.sample()
    row = monitor.to_dataframe().iloc[-1]
    assert row["latency_p50_ms"] == pytest.approx(10, rel=0.05)
    assert row["latency_p99_ms"] == pytest.approx(400, rel=0.05)
    assert (row["fps"], row["draw_ms"], row["bytes_rate"]) == (30, 4.0, 500)
    long = monitor.to_dataframe(long=True)
    count = long[long["metric"] == "livewidget_latency_seconds_count"]
    assert count["value"].tolist() == [0, 100]
    outcomes = long[long["metric"] == "livewidget_events_total"]["labels"]
    assert set(outcomes.astype(str)) >= {'outcome="stored"', 'outcome="dropped"'}


def test_a_users_metric_joins_in_one_line(monitor, clock):
    orders = [1, 2, 3]
    monitor.gauge("orders_open", read=lambda: len(orders))
    monitor.counter("fills_total").add(7)
    monitor.histogram("fill_seconds", labels=("venue",)).labels("X").observe(0.25)
    monitor.registry.histogram("wait_seconds", read=lambda: 3.0)  # which gives no histogram
    monitor.sample()
    row = monitor.to_dataframe().iloc[-1]
    assert (row["orders_open"], row["fills_total"]) == (3, 7)
    monitor.gauge("late").set(5)  # too late for a column
    monitor.sample()
    assert "late" not in monitor.to_dataframe()
    long = monitor.to_dataframe(long=True)
    assert long[long["metric"] == "late"]["value"].tolist() == [5]
    venue = long[long["metric"] == "fill_seconds_max"]
    assert (venue["labels"].iloc[0], venue["value"].iloc[0]) == ('venue="X"', 0.25)
    with pytest.raises(MetricError, match="fills_total"):
        monitor.gauge("fills_total")


def test_a_monitor_with_no_source_tells_of_the_process_and_says_so(clock, engine):
    with PerformanceMonitor(clock=clock) as monitor:
        figures = monitor.figures()
        assert figures["state"] == "no source"
        assert "process alone" in figures["detail"]
        assert figures["memory"] > 1e6
        monitor.sample()
        frame = monitor.to_dataframe()
        assert frame["memory_bytes"].iloc[0] > 1e6
        assert "rate" not in frame
        assert "no source" in repr(monitor)
        assert [each.name for each in monitor.registry.collect()]
        with pytest.raises((SchemaError, SettingError), match="latency_p99_ms"):
            monitor.alert("latency_p99_ms > 250")


def test_a_status_has_the_histogram_of_the_last_minute_and_what_parts_add(rig, caplog):
    session = rig.chart()
    monitor = rig.hub.monitor(1)
    assert "histogram" not in monitor.status(session, "credit")
    monitor.parts += [lambda *, whole: {"stages": [whole]}, lambda *, whole: 1 / 0]
    monitor.drawn("A", 3, 1.0, [0.5, 1.0, 3.0, 20_000.0, -2.0], rig.clock.monotonic())
    for _ in range(2):
        status = monitor.status(session, "credit")
    assert status["stages"] == [True]
    assert caplog.text.count("a part of the status could not be had") == 1
    shown = status["histogram"]
    assert shown["bounds_ms"][:4] == [1, 2, 4, 8]
    assert len(shown["counts"]) == len(shown["bounds_ms"]) + 1
    assert shown["counts"][:3] == [3, 0, 1]
    assert (shown["counts"][-1], sum(shown["counts"])) == (1, 5)
    for _ in range(14):
        rig.clock.advance(5)
        status = monitor.status(session, "credit")
    assert "histogram" not in status


def test_what_a_page_tells_of_itself_is_taken_from_its_acknowledgement(rig):
    rig.chart()
    rig.view()
    now = rig.clock.now() / 1e6
    chart = {"sequence": 1, "drawn": 2, "draw_ms": 3.0, "age_ms": [5.0]}
    page = {"long_tasks": 2, "long_ms": 130.0, "heap": 5e7}
    ack = {"tick": 0, "sent": now - 30, "received": now - 20, "now": now - 10}
    rig.say("ack", **ack, page=page, charts={"1": chart})
    found = {each.name: each.samples for each in rig.hub.monitor(1).registry.collect()}
    assert found["livewidget_browser_long_tasks_total"][0].value == 2
    assert found["livewidget_browser_long_task_seconds_total"][0].value == pytest.approx(0.13)
    assert found["livewidget_browser_heap_bytes"][0].value == 5e7
    trip = found["livewidget_round_trip_seconds"][0].value
    assert (trip.total, trip.max) == (1, pytest.approx(0.02))
    assert rig.hub.inbox.malformed == 0
    rig.say("ack", **ack, page={"heap": "much"}, charts={"1": chart})
    rig.say("ack", **ack, page={"long_tasks": -1, "long_ms": -5}, charts={"1": chart})
    assert rig.hub.inbox.malformed == 1


def test_queries_are_timed_once_they_are_read_to_the_end(clock):
    buffer = BufferManager(clock=clock)
    streamer = DataStreamer(buffer=buffer, engine=NO_ENGINE, clock=clock)
    monitor = PerformanceMonitor(streamer, clock)
    push(streamer, clock, 10, 1)
    streamer.drain()
    assert sum(map(len, buffer.query().batches)) == 10
    assert buffer.gauge.queries.value.total == 1
    monitor.sample()
    assert monitor.to_dataframe()["query_max_ms"].iloc[0] > 0


def test_an_alert_fires_on_any_metric_by_the_rules_that_data_has(engine):
    orders = [1]
    with (
        DataStreamer(engine=engine) as streamer,
        PerformanceMonitor(streamer, every=0.02) as monitor,
    ):
        manager = monitor.alerts
        monitor.gauge("orders_open", read=lambda: len(orders))
        assert monitor.alert("orders: orders_open > 1 for 50ms") is manager
        orders.append(2)
        wait_until(lambda: any(each.state == "firing" for each in manager.alerts))
        assert [each.rule for each in manager.alerts] == ["orders"]
        orders.pop()
        wait_until(lambda: not manager.alerts)
        assert [each.rule for each in manager.history] == ["orders"]
        with pytest.raises(SettingError, match="for"):
            monitor.alert("orders_open > 1 for")


def test_what_is_odd_in_a_figure_can_be_an_alert(engine):
    clock, values = ManualClock(), itertools.cycle([10.0, 10.5, 9.8, 10.1, 9.9])
    value = [0.0]
    with (
        DataStreamer(engine=engine, clock=clock) as streamer,
        PerformanceMonitor(streamer, clock, every="1h") as monitor,
    ):
        monitor.gauge("depth", read=lambda: value[0])
        manager = monitor.alert("odd: anomaly_score > 1", anomaly="depth")
        for _ in range(320):
            value[0] = next(values)
            clock.advance(1)
            monitor.sample()
        assert not manager.alerts
        value[0] = 500.0
        clock.advance(1)
        monitor.sample()
        wait_until(lambda: [each.rule for each in manager.alerts] == ["odd"])


def fired(manager):
    return [(each.rule, each.key, each.state) for each in manager.alerts]


def test_a_rule_by_labels_is_over_each_series_for_itself(clock, engine):
    streamer = DataStreamer(engine=engine, clock=clock)
    with streamer, PerformanceMonitor(streamer, clock, every="1h") as monitor:
        depth = monitor.gauge("depth", labels=("venue",))
        took = monitor.histogram("took_seconds", labels=("venue",))
        monitor.gauge("other_depth", labels=("venue", "side")).labels("X", "buy").set(99)
        rules = "deep: depth > 10", "slow: took_seconds_p99 > 1 for 2s", "memory_bytes < 0"
        manager = monitor.alert(*rules, by="venue")
        depth.labels("X").set(11)
        took.labels("Y").observe(5)
        for _ in range(3):
            monitor.sample()
            clock.advance(1)
        monitor.sample()
        wait_until(lambda: fired(manager) == [("deep", "X", "firing"), ("slow", "Y", "firing")])
        depth.labels("X").set(9)
        depth.labels("Z").set(12)  # a series that was not there when the rule was written
        monitor.sample()
        wait_until(lambda: fired(manager) == [("slow", "Y", "firing"), ("deep", "Z", "firing")])


def test_a_rule_by_two_labels_has_both_in_its_key(clock, engine):
    streamer = DataStreamer(engine=engine, clock=clock)
    with streamer, PerformanceMonitor(streamer, clock, every="1h") as monitor:
        depth = monitor.gauge("depth", labels=("venue", "side"))
        width = monitor.gauge("width", labels=("side", "venue"))
        manager = monitor.alert("deep: depth > 10 and width > 1", by=["side", "venue"])
        monitor.sample()  # there is no series yet
        depth.labels("X", "buy").set(11)
        depth.labels("X", "sell").set(9)
        width.labels("buy", "X").set(2)
        width.labels("sell", "X").set(2)
        monitor.sample()
        wait_until(lambda: fired(manager) == [("deep", "buy, X", "firing")])


def test_an_anomaly_by_labels_is_one_of_its_own_series(clock, engine):
    streamer = DataStreamer(engine=engine, clock=clock)
    values = itertools.cycle([10, 11, 10, 9])
    with streamer, PerformanceMonitor(streamer, clock, every="1h") as monitor:
        depth = monitor.gauge("depth", labels=("venue",))
        manager = monitor.alert("odd: anomaly_score > 1", anomaly="depth", by="venue")
        for _ in range(320):
            depth.labels("X").set(next(values))
            depth.labels("Y").set(500 + next(values))
            clock.advance(1)
            monitor.sample()
        assert not manager.alerts
        depth.labels("X").set(500)
        monitor.sample()
        wait_until(lambda: fired(manager) == [("odd", "X", "firing")])


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("venu", r"outcome \| .*venue\), got .'venu'"),
        (["venue", "side"], "got .*side"),
        ([], "depth"),
        ("time", "time"),
        (1, "by is the name"),
    ],
)
def test_labels_that_no_metric_has_are_refused(clock, engine, by, said):
    streamer = DataStreamer(engine=engine, clock=clock)
    with streamer, PerformanceMonitor(streamer, clock, every="1h") as monitor:
        monitor.gauge("depth", labels=("venue",))
        monitor.gauge("rates", labels=("time",))
        with pytest.raises((SettingError, SchemaError), match=said):
            monitor.alert("depth > 10", by=by)


def test_a_label_may_have_the_name_of_a_figure(clock, engine):
    streamer = DataStreamer(engine=engine, clock=clock)
    with streamer, PerformanceMonitor(streamer, clock, every="1h") as monitor:
        monitor.gauge("depth", labels=("rate",)).labels("X").set(11)
        manager = monitor.alert("deep: depth > 10", by="rate")
        monitor.sample()
        wait_until(lambda: fired(manager) == [("deep", "X", "firing")])


def test_delays_of_the_loop_are_seen_and_the_collector_is_timed(engine):
    with DataStreamer(engine=engine) as streamer, PerformanceMonitor(streamer) as monitor:
        monitor.start()

        def lag():
            found = {each.name: each.samples for each in monitor.registry.collect()}
            return [
                found[f"livewidget_{name}_seconds"][0].value
                for name in ("loop_lag", "gil_wait", "gc_pause")
            ]

        wait_until(lambda: lag()[0].total >= 1)
        engine.post(lambda: threading.Event().wait(0.3))  # a callback that blocks
        gc.collect()
        wait_until(lambda: lag()[0].max > 0.05)
        assert lag()[1].total >= 1
        assert lag()[2].total >= 1


def test_close_lets_go_of_everything(engine):
    callbacks, threads = list(gc.callbacks), set(threading.enumerate())
    streamer = DataStreamer(engine=engine)
    monitor = PerformanceMonitor(streamer, every=0.02)
    server = monitor.serve_metrics(0)
    assert monitor.alerts.alerts == []
    with urllib.request.urlopen(server.url, timeout=5) as answer:
        assert b"livewidget_events_received_total" in answer.read()
    wait_until(lambda: len(monitor.to_dataframe()) >= 2)
    assert len(gc.callbacks) == len(callbacks) + 1
    monitor.close()
    monitor.close()
    assert gc.callbacks == callbacks
    assert set(threading.enumerate()) <= threads
    assert len(monitor.to_dataframe()) >= 2
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url, timeout=1)

    def tasks():
        return [each for each in asyncio.all_tasks(engine.loop) if not each.done()]

    wait_until(lambda: not engine.call(tasks))
    monitor = PerformanceMonitor(streamer)
    monitor.close()
    for use in (lambda: monitor.stream, lambda: monitor.alerts, monitor.start):
        with pytest.raises(ClosedError, match="monitor was closed"):
            use()


def test_a_chart_that_is_closed_closes_its_monitor(rig):
    rig.chart()
    monitor = rig.hub.monitor(1)
    rig.hub.remove(1, "it was closed")
    with pytest.raises(ClosedError):
        monitor.start()


@pytest.mark.parametrize("settings", [{"every": 0}, {"every": "x"}, {"keep": -1}])
def test_a_pace_that_is_none_is_an_error(streamer, settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        PerformanceMonitor(streamer, **settings)


def test_a_metric_without_a_value_yet_has_its_column_and_its_rules(engine):
    with PerformanceMonitor(DataStreamer(engine=engine)) as monitor:
        orders = monitor.gauge("orders_open")
        monitor.gauge("price", read=lambda: None)
        monitor.histogram("took")
        manager = monitor.alert("backlog: orders_open > 100")
        monitor.sample()
        orders.set(500)
        monitor.sample()
        frame = monitor.to_dataframe()
        assert frame["orders_open"].isna().iloc[0]
        assert frame["orders_open"].iloc[-1] == 500
        assert {"price", "took_p99", "took_count"} <= set(frame.columns)
        wait_until(lambda: fired(manager) == [("backlog", "", "firing")])


def test_no_metric_may_have_the_name_of_a_figure(monitor):
    for name in ("time", "rate", "memory_share", "fps"):
        with pytest.raises(MetricError, match="taken by a figure"):
            monitor.gauge(name)
    monitor.sample()


def test_the_same_rule_again_is_the_same_and_another_of_its_name_an_error(engine):
    with PerformanceMonitor(DataStreamer(engine=engine)) as monitor:
        load = monitor.gauge("load")
        manager = monitor.alert("slow: load > 100")
        monitor.alert("slow: load > 100")
        for rule in ("slow: load > 200", "slow: load > 100 for 5s"):
            with pytest.raises(SettingError, match="'slow' is watched already"):
                monitor.alert(rule)
        with pytest.raises(SettingError, match="'memory' is watched already"):
            monitor.alert("memory: load > 100")
        load.set(150)
        monitor.sample()
        wait_until(lambda: fired(manager) == [("slow", "", "firing")])


def test_labels_are_told_escaped(monitor):
    monitor.gauge("size", labels=("venue",)).labels('X",side="buy\n').set(1)
    monitor.sample()
    labels = monitor.to_dataframe(long=True).query("metric == 'size'")["labels"]
    assert labels.tolist() == ['venue="X\\",side=\\"buy\\n"']


def test_what_cannot_be_watched_is_told_at_the_door():
    with pytest.raises(SettingError, match="expected one or None, got 'wss"):
        PerformanceMonitor("wss://host/ticks")


def test_the_first_look_tells_the_cpu_time_since_it_was_made(clock):
    with PerformanceMonitor(clock=clock) as monitor:
        deadline = time.process_time() + 0.05
        while time.process_time() < deadline:
            pass
        clock.advance(0.5)
        assert monitor.figures()["cpu"] >= 10


def test_threads_that_ask_first_at_once_have_the_same_stream(engine):
    for _ in range(10):
        monitor = PerformanceMonitor(DataStreamer(engine=engine))
        start, found = threading.Barrier(4), []

        def ask(monitor=monitor, start=start, found=found):
            start.wait()
            found.append((monitor.stream, monitor.alerts))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        monitor.close()
        assert len(set(found)) == 1


def test_closing_amid_samples_is_no_error(engine, caplog):
    for _ in range(30):
        monitor = PerformanceMonitor(DataStreamer(engine=engine), every=0.002).start()
        time.sleep(0.004)  # two samples: closing comes about when the third is due
        monitor.close()
    assert "could not be taken" not in caplog.text
