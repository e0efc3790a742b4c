"""Models of users: what goes wrong in one harms nothing, and is told."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from livewidget.codecs.state import pack, unpack
from livewidget.data.errors import SchemaError, SettingError, StateError
from livewidget.pipeline.models import Detect, Drift, Estimate, Estimates, Forecast, Trend
from livewidget.pipeline.operator import Tally
from livewidget.pipeline.registry import build
from livewidget.testing import ManualClock

from .feeds import SCHEMA, batch, pieces, run

NAN = float("nan")


class Counting:
    """Scores a value by how many came before; fails on the values that it is told."""

    def __init__(self, wrong=()):
        self.seen = 0
        self._wrong = dict(wrong)

    def step(self, time, value):
        del time
        self.seen += 1
        what = self._wrong.get(value)
        if isinstance(what, Exception):
            raise what
        return what or Estimate(score=self.seen, anomaly=value < 0)


class Kept(Counting):
    def save(self):
        return {"seen": self.seen}

    def load(self, state):
        self.seen = int(state["seen"])


def scores(operator, *batches):
    return run(operator, list(batches))[0]["anomaly_score"].tolist()


def test_a_model_of_ones_own():
    out, _ = run(
        Detect("value", Counting(), by="key", into="pump"), [batch([1, 2, -3], keys="aba")]
    )
    assert out["pump_anomaly_score"].tolist() == [1, 1, 2]
    assert np.isnan(out["pump_anomaly"][:2]).all()
    assert out["pump_anomaly"][2] == -3
    assert "pump_expected" not in out.schema.names


def test_an_object_is_copied_for_each_key_and_a_function_called():
    model = Counting()
    assert scores(Detect("value", model, by="key"), batch([1, 2, 3], keys="aab")) == [1, 2, 1]
    assert model.seen == 0
    assert scores(Detect("value", Counting, by="key"), batch([1, 2, 3], keys="aab")) == [1, 2, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        ValueError("no such value"),
        Estimate(score=NAN),
        Estimate(score=float("inf")),
        Estimate(expected=-float("inf")),
        "a word",
        3.5,
    ],
)
def test_what_fails_is_counted_said_once_and_passed(wrong, caplog):
    operator = Detect("value", Counting({5: wrong}))
    with caplog.at_level(logging.WARNING, "livewidget"):
        found = scores(operator, batch([1, 5, 2, 5]))
    np.testing.assert_array_equal(found, [1, NAN, 3, NAN])
    assert operator.counts["failed"] == 2
    assert len(caplog.records) == 1
    assert "Counting" in caplog.text


def test_after_ten_failures_in_a_row_a_model_begins_anew():
    operator = Detect("value", Counting({5: ZeroDivisionError()}))
    found = scores(operator, batch([1, *[5] * 9, 1, *[5] * 10, 1, 1]))
    assert found[10] == 11  # nine were forgiven
    assert found[-2:] == [1, 2]
    assert operator.counts["begun anew"] == 1


def test_the_failures_of_a_key_are_its_own():
    operator = Detect("value", Counting({5: ZeroDivisionError()}), by="key")
    scores(operator, batch([5] * 18, keys="ab" * 9))
    assert operator.counts["begun anew"] == 0


def test_a_function_that_cannot_make_a_model_is_told_when_it_is_bound():
    def none():
        raise ValueError("there is no model")

    with pytest.raises(ValueError, match="there is no model"):
        Detect("value", none).bind(SCHEMA, ManualClock())


def test_a_function_that_fails_later_costs_the_rows_of_its_key(caplog):
    made = []

    def some():
        made.append(1)
        if len(made) == 4:  # the first two are to look at
            raise MemoryError("enough")
        return Counting()

    operator = Detect("value", some, by="key")
    found = scores(operator, batch([1, 1, 1, 1], keys="abba"), batch([1, 1], keys="ab"))
    np.testing.assert_array_equal(np.sort(found[:4]), [1, 2, NAN, NAN])
    assert sorted(found[4:]) == [1, 3]
    assert operator.counts["failed"] == 2
    assert "MemoryError: enough" in caplog.text


def test_what_is_missing_or_infinite_is_passed_by():
    operator = Detect("value", Counting())
    found = scores(operator, batch([1, NAN, float("inf"), 2]))
    np.testing.assert_array_equal(found, [1, NAN, NAN, 2])
    assert operator.counts["missing"] == 2


def test_the_key_seen_the_longest_ago_is_forgotten_whatever_the_batches():
    feed = batch(np.ones(14), keys="abcabdacbaebca")
    expected, alive, gone = [], {}, 0
    for key in "abcabdacbaebca":
        seen = alive.pop(key, 0) + 1
        if len(alive) == 3:
            alive.pop(next(iter(alive)))
            gone += 1
        alive[key] = seen
        expected.append(seen)
    for cuts in ([], [3], range(1, 14), [2, 5, 9]):
        operator = Detect("value", Counting(), by="key", most_keys=3)
        assert scores(operator, *pieces(feed, cuts)) == expected
        assert operator.counts["keys forgotten"] == gone


def test_only_models_that_have_a_state_keep_one():
    for model, expected in ((Kept(), 3), (Counting(), 1)):
        first = Detect("value", model).bind(SCHEMA, ManualClock())
        run_one(first, [1, 2])
        second = Detect("value", model).bind(SCHEMA, ManualClock())
        second.memory.load(unpack(pack(first.memory.save())))
        assert run_one(second, [1])["anomaly_score"].tolist() == [expected]


def run_one(bound, values):
    return bound.step(batch(values), Tally())


class AtOnce(Counting):
    """Takes rows at once, but none below zero: then it is asked one by one."""

    def run(self, times, values):
        if (values < 0).any():
            raise ValueError("below zero")
        found = Estimates(len(times))
        found.score = 100 + np.arange(1, len(times) + 1) + self.seen
        self.seen += len(times)
        return found


def test_a_model_may_take_rows_at_once():
    found = scores(Detect("value", AtOnce()), batch([1, 2]), batch([-1, 2]), batch([3]))
    assert found == [101, 102, 3, 4, 105]


def test_a_state_that_cannot_be_kept_is_told(caplog):
    class Torn(Kept):
        def save(self):
            raise RuntimeError("torn")

    operator = Detect("value", Torn())
    bound = operator.bind(SCHEMA, ManualClock())
    run_one(bound, [1, 2])
    assert bound.memory.save()["models"]["states"] == []
    assert operator.counts["failed"] == 1
    assert "keeps no state: RuntimeError: torn" in caplog.text


def test_scores_come_back_with_the_state():
    first = Detect("value", Kept()).bind(SCHEMA, ManualClock())
    run_one(first, [1, -2, 3])
    operator = Detect("value", Kept())
    second = operator.bind(SCHEMA, ManualClock())
    second.memory.load(first.memory.save())
    assert (operator.scores["rows"], operator.scores["anomalies"]) == (3, 1)


def test_another_version_is_refused():
    first = Detect("value", Kept()).bind(SCHEMA, ManualClock())

    class Newer(Kept):
        version = 2

    Newer.__name__ = "Kept"
    second = Detect("value", Newer()).bind(SCHEMA, ManualClock())
    with pytest.raises(StateError, match=r"Kept/1.*expected 'Kept/2'"):
        second.memory.load(first.memory.save())


def test_labels_give_precision_and_recall():
    operator = Detect("value", Counting(), label="label")
    run(operator, [batch([-1, -1, 1, 1, -1], labels=[1, 0, 1, 0, NAN])])
    assert operator.scores["precision"] == 0.5
    assert operator.scores["recall"] == 0.5
    assert operator.scores["f1"] == 0.5
    assert operator.scores["anomalies"] == 3
    assert np.isnan(operator.scores["coverage"])


def test_scores_are_of_all_streams():
    operator = Detect("value", Counting())
    assert np.isnan(operator.scores["rows"])
    for _ in range(2):
        run_one(operator.bind(SCHEMA, ManualClock()), [1, -2])
    assert (operator.scores["rows"], operator.scores["anomalies"]) == (4, 2)


def test_scores_go_out_at_an_interval_of_event_time():
    _, sent = run(Detect("value", Counting(), score_every="10s"), [batch(np.ones(25))])
    assert {output for output, _ in sent} == {"scores"}
    rows = [row for _, each in sent for row in each.rows()]
    assert [row["time"] % 10_000_000_000 for row in rows] == [0, 0]
    assert [row["rows"] for row in rows] == [10, 20]


@pytest.mark.parametrize("operator", [Detect, Drift, Trend, Forecast])
def test_a_column_that_is_none_of_numbers_is_refused(operator):
    with pytest.raises(SchemaError, match="'key' is 'text'"):
        operator("key").bind(SCHEMA, ManualClock())
    with pytest.raises(SchemaError, match="nothing"):
        operator("nothing").bind(SCHEMA, ManualClock())
    with pytest.raises(SchemaError, match="nobody"):
        operator("value", by="nobody").bind(SCHEMA, ManualClock())
    operator("n").bind(SCHEMA, ManualClock())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Detect("value", "best"), "model is one of auto, .*got 'best'"),
        (lambda: Detect("value", 3), "model is one of auto.*got 3"),
        (lambda: Detect("value", threshold=0), "threshold is a number above 0; got 0"),
        (lambda: Detect("value", threshold="high"), "threshold.*'high'"),
        (lambda: Detect("value", into=""), "into.*''"),
        (lambda: Detect("value", most_keys=0), "most_keys.*0"),
        (lambda: Detect("value", score_every="-1s"), "score_every.*'-1s'"),
        (lambda: Drift("value", "eddm"), "method is one of adwin, page_hinkley.*'eddm'"),
        (lambda: Drift("value", into=None), "into.*None"),
        (lambda: Trend("value", rows=3), "rows is 8 or more, got 3"),
        (lambda: Trend("value", confidence=1), "confidence.*below 1; got 1"),
        (lambda: Forecast("value", "oracle"), "model is one of arima, .*'oracle'"),
        (lambda: Forecast("value", horizon=0), "horizon.*0"),
        (lambda: Forecast("value", horizon="soon"), "horizon.*'soon'"),
        (lambda: Forecast("value", horizon=20_000), "horizon is at most 10,000 steps"),
        (lambda: Forecast("value", season=1), "season is at least 2 steps; got 1"),
        (lambda: Forecast("value", season=200_000), "season is at most 100,000 steps"),
        (lambda: Forecast("value", coverage=95), "coverage.*95"),
        (lambda: build({"do": "detect", "column": "value", "modle": 1}), "did you mean 'model'"),
    ],
)
def test_bad_settings_are_told(make, told):
    with pytest.raises(SettingError, match=told):
        make()


def test_they_are_built_from_a_file():
    for table in (
        {"do": "detect", "column": "value", "model": "robust_z", "by": "key"},
        {"do": "drift", "column": "value", "method": "page_hinkley"},
        {"do": "trend", "column": "value", "rows": 30},
        {"do": "forecast", "column": "value", "horizon": "30s", "season": 20},
    ):
        operator = build(table)
        assert operator.heavy
        assert len(run(operator, [batch(np.ones(30))])[0]) == 30
