"""Rows to outputs, each accounted for once, against a twin that looks at one row at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.operator import Tally
from livewidget.pipeline.route import Route
from livewidget.testing import ManualClock

NOW = 1_700_000_000_000_000_000
SCHEMA = Schema.of({"time": "time", "n": "int", "level": "float"}, "time")
OUTPUTS = {"some": "level >= 1", "high": "level >= 3", "odd": "n % 2 == 1"}
TESTS = {
    "some": lambda _n, level: level >= 1,
    "high": lambda _n, level: level >= 3,
    "odd": lambda n, _level: n % 2 == 1,
}


def batch_of(levels):
    size = len(levels)
    times = NOW + np.arange(size)
    return Batch(SCHEMA, (times, np.arange(size), np.array(levels, dtype=float)))


def run(operator, batch):
    tally = Tally()
    result = operator.bind(SCHEMA, ManualClock(NOW)).step(batch, tally)
    assert len(result) + tally.filtered + tally.rejected == len(batch)
    return result, tally


LEVELS = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan]), min_size=1, max_size=20)


@settings(max_examples=200, deadline=None)
@given(LEVELS, st.permutations(list(OUTPUTS)), st.sampled_from(["first", "all"]), st.booleans())
def test_each_row_goes_where_it_should(levels, order, match, keep):
    operator = Route({name: OUTPUTS[name] for name in order}, match=match, keep=keep)
    result, tally = run(operator, batch_of(levels))
    wanted, left = {}, []
    for n, level in enumerate(levels):
        names = [name for name in order if TESTS[name](n, level)]
        for name in names[:1] if match == "first" else names:
            wanted.setdefault(name, []).append(n)
        if keep or not names:
            left.append(n)
    assert {name: batch["n"].tolist() for name, batch in tally.routed} == wanted
    assert result["n"].tolist() == left
    assert (tally.filtered, tally.rejected) == (len(levels) - len(left), 0)


def test_outputs_are_handed_over_in_the_order_of_their_priority():
    priority = {"odd": "high", "some": "low"}
    operator = Route(OUTPUTS, match="all", priority=priority)
    _, tally = run(operator, batch_of([3.0, 3.0]))
    assert [name for name, _ in tally.routed] == ["odd", "high", "some"]
    assert operator.priorities == {"some": "low", "high": "medium", "odd": "high"}


def test_a_priority_does_not_change_which_condition_is_the_first():
    operator = Route(OUTPUTS, priority={"high": "high"})
    _, tally = run(operator, batch_of([3.0, 3.0]))
    assert [(name, len(batch)) for name, batch in tally.routed] == [("some", 2)]


def test_a_function_of_ones_own_that_fails_rejects_the_rows():
    operator = Route({"a": "own(level) > 1"}, functions={"own": lambda _level: 1 / 0})
    result, tally = run(operator, batch_of([3.0, 3.0]))
    assert (len(result), tally.rejected, tally.routed) == (0, 2, [])


@pytest.mark.parametrize(
    ("given", "options", "error", "what"),
    [
        ({}, {}, SettingError, "outputs is a mapping of 1 to 100 names to conditions"),
        ("level > 3", {}, SettingError, "outputs is a mapping"),
        ({"": "n > 1"}, {}, SettingError, "an output's name is text, got ''"),
        ({"a": "n >"}, {}, SettingError, "output 'a': the expression cannot be read"),
        ({"a": "n > 1"}, {"match": "any"}, SettingError, "match is 'first' or 'all', got 'any'"),
        ({"a": "n > 1"}, {"keep": 1}, SettingError, "keep is True or False, got 1"),
        ({"a": "n > 1"}, {"priority": {"b": "high"}}, SettingError, "not there, 'b'; they are 'a'"),
        ({"a": "n > 1"}, {"priority": {"a": "top"}}, SettingError, "'high', 'medium' or 'low'"),
        ({"a": "n"}, {}, SchemaError, "output 'a' expects a condition"),
        ({"a": "m > 1"}, {}, SchemaError, "output 'a': there is no column 'm'"),
    ],
)
def test_what_is_wrong_says_so(given, options, error, what):
    with pytest.raises(error, match=what):
        Route(given, **options).bind(SCHEMA, ManualClock(NOW))
