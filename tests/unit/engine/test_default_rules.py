"""The rules that a monitor begins with: each fires on what it is for, and on nothing else."""

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.monitor.rules import FIGURES, RULES, rules_for
from livewidget.pipeline.alerts import Alert
from livewidget.pipeline.operator import Tally
from livewidget.testing import ManualClock

S = 10**9
CALM = {
    "latency_p99_ms": 40.0,
    "dropped_rate": 0.0,
    "memory_share": 0.3,
    "cache_hits": 0.95,
    "query_max_ms": 20.0,
}
WORSE = {
    "lag": 400.0,
    "drops": 12.0,
    "memory": 0.95,
    "cache": 0.6,
    "queries": 900.0,
}


def fired(**planted):
    """Return the rules that fire on twenty seconds of figures, and what they say."""
    schema = Schema.of({"time": "time", **dict.fromkeys(CALM, "float")}, "time")
    clock, tally = ManualClock(), Tally()
    bound = Alert(rules_for(CALM)).bind(schema, clock)
    times = clock.now() + np.arange(20) * S
    values = [np.full(20, planted.get(name, calm)) for name, calm in CALM.items()]
    bound.step(Batch(schema, (times, *values)), tally)
    rows = [row for _, batch in tally.routed for row in batch.rows()]
    return {row["rule"]: row["message"] for row in rows if row["state"] == "firing"}


def test_nothing_fires_where_all_is_well_or_nothing_is_known():
    assert fired() == {}
    assert fired(**dict.fromkeys(CALM, np.nan)) == {}


@pytest.mark.parametrize("rule", FIGURES)
def test_each_fires_on_its_own_figure(rule):
    found = fired(**{FIGURES[rule]: WORSE[rule]})
    assert list(found) == [rule]
    assert any(number in found[rule] for number in ("400", "12", "95%", "60%", "900"))


def test_a_figure_that_is_not_measured_has_no_rule():
    assert {each["name"] for each in RULES} == set(FIGURES)
    assert [each["name"] for each in rules_for({"memory_share"})] == ["memory"]
