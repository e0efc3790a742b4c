"""What OpenTelemetry is told, as its SDK collects it."""

import sys

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from livewidget.data.errors import MissingExtraError
from livewidget.monitor.opentelemetry import Instruments
from livewidget.monitor.registry import Registry


@pytest.fixture
def reader():
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader):
    provider = MeterProvider([reader])
    yield provider
    provider.shutdown()


def points(reader):
    """Every point of every scope, with its metric's name."""
    data = reader.get_metrics_data()
    return [
        (metric.name, point)
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]


def of_scopes(reader, name):
    return [point.value for of, point in points(reader) if of == name]


def test_two_on_one_provider_are_both_told_and_one_goes_on_without_the_other(reader, provider):
    made = []
    for value in (1, 5):
        registry = Registry()
        registry.gauge("mine", read=lambda value=value: value)
        made.append(Instruments(registry, provider))
    assert sorted(of_scopes(reader, "mine")) == [1, 5]
    made[0].close()
    assert of_scopes(reader, "mine") == [5]


def collected(reader):
    return {
        (name, tuple(sorted(point.attributes.items()))): point.value
        for name, point in points(reader)
    }


def test_each_metric_is_collected_as_it_is_then_those_that_come_later_too(reader, provider):
    registry, told = Registry(), [0]
    registry.before_collect(lambda: told.__setitem__(0, told[0] + 1))
    registry.gauge("told", read=lambda: told[0])
    rows = registry.counter("rows_total", "Rows", labels=("stage",))
    instruments = Instruments(registry, provider)
    rows.labels("source").add(5)
    took = registry.histogram("took_seconds", "Time", "seconds")
    took.observe_many([0.01] * 99 + [0.5])
    found = collected(reader)
    assert found["rows_total", (("stage", "source"),)] == 5
    assert found["told", ()] == 1
    assert found["took_seconds_count", ()] == 100
    assert found["took_seconds_sum", ()] == pytest.approx(1.49)
    assert found["took_seconds", (("quantile", "0.5"),)] == pytest.approx(0.01, rel=0.05)
    assert found["took_seconds", (("quantile", "1"),)] == 0.5
    rows.labels("source").add(2)
    found = collected(reader)
    assert found["rows_total", (("stage", "source"),)] == 7
    assert found["told", ()] == 2
    instruments.close()
    registry.gauge("later").set(1)
    assert ("later", ()) not in collected(reader)


def test_after_close_nothing_is_told(reader, provider):
    registry = Registry()
    registry.gauge("heat").set(3)
    instruments = Instruments(registry, provider)
    assert collected(reader) == {("heat", ()): 3.0}
    instruments.close()
    assert collected(reader) == {}


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtraError, match=r"livewidget\[otel\]"):
        Instruments(Registry())
