"""From readings to findings: each kind is there when it should be, with its numbers in words."""

import numpy as np
import pytest

from livewidget.monitor.advice import limit
from livewidget.monitor.diagnosis import Diagnosis, Vitals
from livewidget.monitor.findings import Action, Check
from livewidget.monitor.stages import BUFFER, PIPELINE, SINK, SOURCE, STORE, Stage

from .test_advice import WELL

MB = 2**20
LIVE = Stage(name=SOURCE, label="feed", arrived=1000, served=1000, busy=1.0, state="live")
IDLE = Stage(name=BUFFER, label="buffer", arrived=1000, served=1000, busy=0.72)


def run(seconds, stages=lambda _: (LIVE, IDLE), vitals=lambda _: Vitals(), **remedies):
    """The findings of the last of so many readings, one a second."""
    diagnosis = Diagnosis(**remedies)
    for second in range(seconds):
        found = diagnosis.read(float(second), stages(second), vitals(second))
    return {each.id: each for each in found}


def slow(name, **figures):
    return Stage(name=name, label="it", arrived=900, served=400, busy=0.98, growth=500, **figures)


def test_all_is_well():
    assert run(200) == {}


def test_a_bottleneck_comes_with_its_remedy():
    action = Action("Do it", lambda: None, lambda: None, Check("x", lambda: 1.0))
    found = run(5, lambda _: (LIVE, slow(PIPELINE), IDLE), remedy=lambda _: ("Try more.", action))
    finding = found["bottleneck-pipeline"]
    assert finding.level == "warning"
    assert finding.action is action
    assert finding.text == (
        "The pipeline (it): it works 98% of the time at 400 rows a second; "
        "0 rows wait, 500 more each second. Try more."
    )
    assert finding.numbers["served"] == 400


def test_losing_rows_is_critical_and_a_slow_source_is_not():
    found = run(5, lambda _: (LIVE, slow(PIPELINE, dropped=10.0), IDLE))
    assert found["bottleneck-pipeline"].level == "critical"
    spare = Stage(name=BUFFER, label="buffer", arrived=10, served=10, busy=0.1)
    assert run(5, lambda _: (LIVE, spare))["bottleneck-source"].level == "info"


def test_sinks_are_told_apart():
    other = Stage(name=SINK, label="other", arrived=9, served=4, busy=0.9, queue=500, growth=5)
    found = run(5, lambda _: (LIVE, IDLE, slow(SINK), other))
    assert set(found) == {"bottleneck-sink-it", "bottleneck-sink-other"}


def test_a_leak_is_found_beside_what_the_buffers_take():
    rng = np.random.default_rng(11)

    def vitals(second):
        return Vitals(memory=(500 + 0.2 * second + rng.normal()) * MB, buffers=0.0)

    found = run(400, vitals=vitals)["trend-memory"]
    assert "Memory beside the buffers rises by" in found.text
    assert found.numbers["per_s"] == pytest.approx(0.2 * MB, rel=0.1)
    assert found.numbers["low"] < 0.2 * MB < found.numbers["high"]


def test_a_buffer_that_fills_is_no_leak():
    def vitals(second):
        return Vitals(memory=(500 + 0.5 * second) * MB, buffers=(50 + 0.5 * second) * MB)

    assert run(400, vitals=vitals) == {}


def test_a_slow_drift_of_latency_is_found():
    rng = np.random.default_rng(12)

    def vitals(second):
        return Vitals(latency_ms=40 + 0.3 * second + rng.normal() * 3)

    found = run(300, vitals=vitals)["trend-latency"]
    assert found.text.startswith("The way from arrival to pixel grows by")
    assert found.numbers["per_s"] == pytest.approx(0.3, rel=0.1)


def test_the_budget_is_foretold_and_comes_with_a_rescue():
    action = Action("More", lambda: None, lambda: None, Check("x", lambda: 1.0))

    def vitals(second):
        return Vitals(memory=900.0 * MB, buffers=(100 + second) * MB, budget=1140.0 * MB)

    found = run(201, vitals=vitals, rescue=lambda: action)["forecast-memory"]
    assert found.text.startswith("Memory budget reached in 14 min at this rate")
    assert found.action is action
    assert found.level == "info"


def test_a_queue_that_will_be_full_is_foretold():
    def stages(second):
        return LIVE, IDLE, Stage(name=STORE, label="disk", queue=100 * second, capacity=100_000)

    found = run(101, stages)["forecast-store-queue"]
    assert found.text.startswith("Room before the store (100,000 rows) used up in 15 min")


def test_an_odd_rate_is_told_once_it_is_no_hiccup():
    rng = np.random.default_rng(13)

    def stages(second):
        rate = 1000 + 10 * rng.normal() if second < 98 else 5000
        return Stage(name=SOURCE, label="f", arrived=rate, served=rate, state="live"), IDLE

    assert run(99, stages) == {}
    found = run(100, stages)["anomaly-rate"]
    assert found.text.startswith("The rate is unusual: 5,000 rows a second, where 1,")


@pytest.mark.parametrize("level", ["warning", "critical", "info"])
def test_the_one_sentence_draws_on_the_findings(level):
    told = [{"kind": "bottleneck", "level": level, "text": "The pipeline: it works."}]
    expected = "drawing at the cap" if level == "info" else "The pipeline: it works."
    assert expected in limit(WELL | {"findings": told})
