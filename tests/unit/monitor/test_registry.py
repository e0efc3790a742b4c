"""The registry: counts that are exact, names and labels that are checked and bounded."""

import gc
import threading

import numpy as np
import pytest

from livewidget.data.errors import LivewidgetError, MetricError
from livewidget.monitor.registry import FOLDED, Registry

THREADS, TIMES = 4, 20_000


def value(registry, name, **labels):
    family = next(each for each in registry.collect() if each.name == name)
    return next(each.value for each in family.samples if each.labels == labels)


def hammer(job):
    threads = [threading.Thread(target=job) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    return threads


def test_counts_of_four_threads_are_exact_while_they_are_read_and_after_the_threads_are_gone():
    registry = Registry()
    rows = registry.counter("rows_total", labels=("stage",))
    took = registry.histogram("took_seconds", unit="s")

    def job():
        mine = rows.labels("source")
        for number in range(TIMES):
            mine.add(2)
            took.observe(0.001 * (number % 50))
        took.observe_many(np.full(100, 0.5))

    threads = hammer(job)
    seen = [0.0]
    while any(thread.is_alive() for thread in threads):
        seen.append(value(registry, "rows_total", stage="source") if rows.samples() else 0.0)
    for thread in threads:
        thread.join()
    gc.collect()
    for _ in range(2):  # what ended threads have counted is folded, once
        assert value(registry, "rows_total", stage="source") == 2 * THREADS * TIMES
        snapshot = value(registry, "took_seconds")
        assert snapshot.total == THREADS * (TIMES + 100)
        assert snapshot.max == 0.5
    assert seen == sorted(seen)
    assert len(took.only._cells._cells) == 0


def test_a_label_with_a_million_values_is_counted_under_other_and_that_is_counted():
    registry = Registry(most_series=100)
    seen = registry.counter("seen_total", labels=("user",))
    for number in range(1_000_000):
        seen.labels(number).add()
    seen.labels(7).add()
    assert len(seen.samples()) == 101
    assert value(registry, "seen_total", user="7") == 2
    assert value(registry, "seen_total", user="other") == 1_000_000 - 100
    assert value(registry, FOLDED, metric="seen_total") == 1_000_000 - 100


def test_registered_twice_alike_is_the_same_metric_and_otherwise_an_error_that_says_what_is_there():
    registry = Registry()
    first = registry.counter("rows_total", "Rows", labels=("stage",))
    assert registry.counter("rows_total", labels=["stage"]) is first
    with pytest.raises(MetricError, match="'rows_total' is registered already, as a counter"):
        registry.gauge("rows_total")
    with pytest.raises(MetricError, match="labels"):
        registry.counter("rows_total")
    assert issubclass(MetricError, LivewidgetError)


def test_a_cell_that_is_run_again_registers_its_function_anew():
    registry = Registry()

    def cell(orders):
        registry.gauge("orders_open", read=lambda: len(orders))

    cell([1])
    cell([1, 2])
    assert value(registry, "orders_open") == 2
    registry.gauge("orders_open", read=lambda: 3)  # it was edited
    assert value(registry, "orders_open") == 3
    with pytest.raises(MetricError, match=r"asked \(read=\)"):
        registry.gauge("orders_open")
    with pytest.raises(MetricError, match="asked for its value"):
        registry.gauge("hot", read=lambda: 3).set(1)


@pytest.mark.parametrize("name", ["", "1st", "_x", "a b", "é", None, "a-b", "a" * 201])
def test_a_name_that_is_none_is_an_error(name):
    with pytest.raises(MetricError, match="letters, digits"):
        Registry().gauge(name)


def test_labels_are_told_in_full_or_not_at_all():
    registry = Registry()
    rows = registry.counter("rows_total", labels=("stage", "kind"))
    with pytest.raises(MetricError, match=r"\['stage', 'kind'\]"):
        rows.labels("one")
    with pytest.raises(MetricError, match="labels"):
        rows.add()
    with pytest.raises(MetricError, match="labels"):
        registry.counter("plain_total").labels("one")
    with pytest.raises(MetricError, match="only grows"):
        registry.counter("plain_total").add(-1)
    with pytest.raises(MetricError, match="at least 1"):
        Registry(most_series=0)
    with pytest.raises(MetricError, match="a function"):
        registry.gauge("asked", read=3)


def test_what_is_asked_may_have_labels_no_value_now_or_fail_alone(caplog):
    registry = Registry()
    registry.gauge("drops", labels=("reason",), read=lambda: {"late": 3, ("full",): 4})
    registry.gauge("absent", read=lambda: None)
    registry.gauge("broken", read=lambda: 1 / 0)
    registry.gauge("unset")
    for _ in range(2):
        families = {each.name: each.samples for each in registry.collect()}
    assert [(each.labels, each.value) for each in families["drops"]] == [
        ({"reason": "late"}, 3.0),
        ({"reason": "full"}, 4.0),
    ]
    assert families["absent"] == families["broken"] == families["unset"] == []
    assert caplog.text.count("the metric broken cannot be read") == 1


def test_what_is_asked_for_more_than_there_is_room_for_is_summed_under_other(caplog):
    registry = Registry(most_series=3)
    registry.gauge("depth", labels=("key",), read=lambda: {str(n): 1.0 for n in range(10)})
    registry.gauge("pair", labels=("x", "y"), read=lambda: {"alone": 1, ("a", "b"): 2})
    registry.gauge("plain", read=lambda: {"a": 1})
    for _ in range(2):
        families = {each.name: each.samples for each in registry.collect()}
    assert [each.value for each in families["depth"]] == [1.0, 1.0, 1.0, 7.0]
    assert families["depth"][-1].labels == {"key": "other"}
    assert [each.value for each in families["pair"]] == [2.0]
    assert families["plain"] == []
    assert caplog.text.count("the metric pair has the labels ['x', 'y']") == 1
    assert caplog.text.count("the metric plain has the labels []") == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"labels": ("a", "a")}, "different names"),
        ({"labels": ("le",)}, "none of"),
        ({"labels": ("quantile",)}, "none of"),
        ({"unit": "µs"}, "ASCII"),
        ({"unit": "x" * 64}, "at most 63"),
    ],
)
def test_what_no_exporter_could_say_is_refused(given, said):
    registry = Registry()
    with pytest.raises(MetricError, match=said):
        registry.gauge("named", **given)
    assert "named" not in registry


def test_a_name_that_a_figure_or_a_part_of_a_histogram_has_is_taken():
    registry = Registry(reserved=("rate",))
    with pytest.raises(MetricError, match="'rate' is taken by a figure"):
        registry.gauge("rate")
    registry.histogram("took")
    with pytest.raises(MetricError, match="'took_p99' is taken by the histogram 'took'"):
        registry.gauge("took_p99")
    registry.counter("size_count")
    with pytest.raises(MetricError, match="'size_count' is taken by the counter"):
        registry.histogram("size")
    assert "size" not in registry
    registry.gauge("size_p99")  # nothing was taken by what was refused


def test_half_a_surrogate_pair_in_a_label_is_a_question_mark():
    registry = Registry()
    registry.counter("files_total", labels=("path",)).labels("caf\udce9 é").add()
    assert value(registry, "files_total", path="caf? é") == 1


def test_nan_is_nothing_to_count():
    registry = Registry()
    count = registry.counter("rows_total")
    for amount in (5, float("nan"), 1):
        count.add(amount)
    assert count.value == 6
    with pytest.raises(MetricError, match="0 or more"):
        count.add(float("inf"))


def test_what_metrics_read_from_is_brought_up_to_date_before():
    registry, told = Registry(), [0]
    registry.gauge("told", read=lambda: told[0])
    registry.before_collect(lambda: told.__setitem__(0, told[0] + 1))
    assert value(registry, "told") == 1
    assert value(registry, "told") == 2
