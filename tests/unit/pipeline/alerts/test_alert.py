"""The operator around the rules: what it tells, when the clock speaks, and what it remembers."""

import numpy as np
import pytest

from livewidget.data.errors import SchemaError, SettingError, StateError
from livewidget.pipeline import guard
from livewidget.pipeline.alerts import ALERTS, Alert, Rule
from livewidget.pipeline.alerts.event import PRIORITIES, STATES
from livewidget.pipeline.operator import Moment, Tally
from livewidget.pipeline.registry import build
from livewidget.testing import ManualClock

from ..streams import SCHEMA, SECOND, batch_of

START = 1_700_000_000 * SECOND


def rows(*each):
    """Rows of (seconds from the start, key, value)."""
    return batch_of(
        [(START + round(at * SECOND), key, value, 0, None, None) for at, key, value in each]
    )


def told(tally, *names):
    names = names or ("time", "rule", "key", "state")
    every = [row for _, batch in tally.routed for row in batch.rows()]
    for row in every:
        row["time"] = (row["time"] - START) / SECOND
        row["since"] = (row["since"] - START) / SECOND
    return [tuple(row[name] for name in names) for row in every]


class Live:
    """An operator that is driven by hand: rows come when they say, or `late` seconds after."""

    def __init__(self, alert, late=0.0):
        self.clock = ManualClock(START)
        self.late = late
        self.tally = Tally()
        self.bound = alert.bind(SCHEMA, self.clock)

    def row(self, at, key, value):
        self.until(at + self.late)
        self.bound.step(rows((at, key, value)), self.tally)

    def until(self, at, **more):
        passed = (self.clock.now() - START) / SECOND
        self.clock.advance(max(0.0, at - passed))
        self.bound.tick(Moment(self.clock.now(), **more), self.tally)


def test_what_is_told_has_the_schema_of_alerts_and_rows_pass():
    rule = Rule(
        "hot",
        "value > 100",
        for_="2s",
        clear="below 95",
        priority="critical",
        message="{priority} {rule} {key}: {value:.1f} since {since}",
    )
    alert, tally = Alert(rule, by="key", output="fires"), Tally()
    bound = alert.bind(SCHEMA, ManualClock())
    batch = rows((0, "a", 101.25), (1, "a", 99), (2, "a", 102), (4, "a", 96), (5, "a", 94))
    assert bound.step(batch, tally) is batch
    assert (tally.filtered, tally.rejected, tally.made) == (0, 0, 0)
    assert [name for name, _ in tally.routed] == ["fires"]
    assert tally.routed[0][1].schema == ALERTS
    assert told(tally, "time", "state", "value", "since", "priority") == [
        (0, "pending", 101.25, 0, "critical"),
        (1, "resolved", 99, 0, "critical"),
        (2, "pending", 102, 2, "critical"),
        (4, "firing", 102, 2, "critical"),
        (5, "resolved", 94, 2, "critical"),
    ]
    message = told(tally, "message")[0][0]
    assert message == "critical hot a: 101.2 since 2023-11-14T22:13:20.000Z"
    assert {row[3] for row in told(tally)} <= set(STATES)
    assert rule.priority in PRIORITIES


def test_the_clock_fires_what_is_due_once_the_grace_is_over_and_stamps_it_as_due():
    live = Live(Alert(["hot: value > 1 for 5m", "no data for 10m"], by="key", grace="2s"))
    live.row(0, "a", 2)
    live.until(301.9)
    assert told(live.tally) == [(0, "hot", "a", "pending")]
    live.until(302)
    assert told(live.tally)[1:] == [(300, "hot", "a", "firing")]
    live.until(602)
    assert told(live.tally)[2:] == [(600, "no data for 10m", "a", "firing")]
    live.row(700, "a", 0)
    assert told(live.tally, "time", "rule", "state", "value")[3:] == [
        (700, "hot", "resolved", 0),
        (700, "no data for 10m", "resolved", 700),
    ]


def test_a_key_whose_rows_come_late_is_given_as_much_longer():
    live = Live(Alert("hot: value > 1 for 5s", grace=0), late=20)
    live.row(0, "a", 2)
    live.until(24.9)
    assert told(live.tally, "state") == [("pending",)]
    live.until(25)
    assert told(live.tally, "time", "state")[1:] == [(5, "firing")]
    live = Live(Alert("hot: value > 1 for 5s", grace=0, live="1h"), late=900)
    live.row(0, "a", 2)
    live.until(905)
    assert told(live.tally, "time", "state")[1:] == [(5, "firing")]


def test_for_history_no_clock_runs_and_at_the_end_time_has_passed_up_to_its_newest_row():
    live = Live(Alert(["hot: value > 1 for 5s", "gone: no data for 8s"], by="key"), late=86_400)
    live.row(0, "a", 2)
    live.until(90_000)
    assert told(live.tally, "state") == [("pending",)]
    live.row(10, "b", 0)
    live.until(200_000, final=True)
    assert told(live.tally)[1:] == [(5, "hot", "a", "firing"), (8, "gone", "a", "firing")]


def test_a_row_after_its_alert_was_fired_by_the_clock_is_looked_at_as_of_then():
    live = Live(Alert("hot: value > 1 for 5s"))
    live.row(0, "a", 2)
    live.until(6)
    live.bound.step(rows((4, "a", 0)), live.tally)
    assert told(live.tally, "time", "state")[1:] == [(5, "firing"), (5, "resolved")]


def test_rules_of_one_key_are_for_that_key_alone():
    names = [Rule("hot", "value > 1", key="a"), Rule("hot", "value > 2", key="b"), "all: value > 3"]
    tally = Tally()
    bound = Alert([*names, "both: hot and all"], by="key").bind(SCHEMA, ManualClock())
    bound.step(rows((0, "a", 2), (1, "b", 2), (2, "b", 4), (3, "c", 2), (4, "c", 4)), tally)
    assert told(tally) == [
        (0, "hot", "a", "firing"),
        (2, "hot", "b", "firing"),
        (2, "all", "b", "firing"),
        (2, "both", "b", "firing"),
        (4, "all", "c", "firing"),
    ]


def test_keys_of_several_columns_and_of_numbers():
    rule, tally = Rule("hot", "value > 1", key="a, 3"), Tally()
    bound = Alert(rule, by=["key", "n"]).bind(SCHEMA, ManualClock())
    batch = batch_of([(0, key, 2.0, n, None, None) for key, n in (("a", 3), ("a", 2), ("b", 3))])
    bound.step(batch, tally)
    assert told(tally, "key") == [("a, 3",)]


def test_of_too_many_keys_the_oldest_are_forgotten_and_what_they_had_is_resolved():
    alert, tally = Alert("hot: value > 1 for 9s", by="key", keys=2), Tally()
    bound = alert.bind(SCHEMA, ManualClock())
    for at, key in enumerate("abcb"):
        bound.step(rows((at, key, 2)), tally)
    assert told(tally, "time", "key", "state") == [
        (0, "a", "pending"),
        (1, "b", "pending"),
        (0, "a", "resolved"),
        (2, "c", "pending"),
    ]
    assert alert.counts["keys forgotten"] == 1
    bound.memory.load(bound.memory.save())


def test_what_is_missing_begins_nothing_and_ends_nothing_but_where_it_is_asked():
    tally = Tally()
    rules = ["hot: value > 1", "any: value > 1 or n > 5", "none: is_missing(value)"]
    bound = Alert(rules).bind(SCHEMA, ManualClock())
    bound.step(rows((0, "a", None), (1, "a", 2), (2, "a", None), (3, "a", 0)), tally)
    assert told(tally, "time", "rule", "state") == [
        (0, "none", "firing"),
        (1, "hot", "firing"),
        (1, "any", "firing"),
        (1, "none", "resolved"),
        (2, "none", "firing"),
        (3, "hot", "resolved"),
        (3, "any", "resolved"),
        (3, "none", "resolved"),
    ]


def test_a_function_that_fails_rejects_its_rows_and_no_state_has_changed():
    def careful(values):
        if (values > 5).any():
            raise ValueError("too much")
        return values

    alert = Alert("hot: careful(value) > 1 for 3s", functions={"careful": careful})
    guarded, tally = guard.Guard(alert.bind(SCHEMA, ManualClock()), "alert"), Tally()
    guarded(rows((0, "a", 2), (1, "a", 9), (2, "a", 0), (3, "a", 2), (6, "a", 2)), tally)
    assert tally.rejected == 1
    assert told(tally, "time", "state") == [
        (0, "pending"),
        (2, "resolved"),
        (3, "pending"),
        (6, "firing"),
    ]


def test_limits_that_are_infinite_and_values_that_are():
    tally = Tally()
    rules = ["a: value > 1e999", "b: value >= 1e308 * 10", "c: value < -1e300", "d: value > 3"]
    bound = Alert(rules).bind(SCHEMA, ManualClock())
    bound.step(rows((0, "a", np.inf), (1, "a", -np.inf), (2, "a", np.inf)), tally)
    assert told(tally, "time", "rule", "state") == [
        (0, "b", "firing"),
        (0, "d", "firing"),
        (1, "b", "resolved"),
        (1, "c", "firing"),
        (1, "d", "resolved"),
        (2, "b", "firing"),
        (2, "c", "resolved"),
        (2, "d", "firing"),
    ]


def test_times_at_the_ends_of_int64_do_not_wrap():
    tally = Tally()
    rules = ["a: value > 1 for 9s", "no data for 9s", "r: rate(value) > 1 per 1s"]
    bound = Alert(rules).bind(SCHEMA, ManualClock())
    ends = [(-(2**63) + 1, "a", 2.0, 0, None, None), (2**63 - 2, "a", 0.0, 0, None, None)]
    bound.step(batch_of(ends), tally)
    bound.tick(Moment(2**63 - 1, final=True), tally)
    assert told(tally, "rule", "state") == [
        ("a", "pending"),
        ("a", "firing"),
        ("no data for 9s", "firing"),
        ("a", "resolved"),
        ("no data for 9s", "resolved"),
    ]


def test_a_state_of_other_rules_is_refused():
    state = Alert("a: value > 1").bind(SCHEMA, ManualClock()).memory.save()
    for other in (Alert("a: value > 2"), Alert("a: value > 1", by="key")):
        with pytest.raises(StateError, match="of other rules"):
            other.bind(SCHEMA, ManualClock()).memory.load(state)
    with pytest.raises(StateError, match="does not fit"):
        Alert("a: value > 1").bind(SCHEMA, ManualClock()).memory.load({**state, "slots": {}})


def test_after_a_restart_no_clock_runs_until_a_row_is_live():
    alert = Alert("gone: no data for 5s", by="key")
    before, after = Live(alert), Live(alert)
    before.row(0, "a", 1)
    after.bound.memory.load(before.bound.memory.save())
    after.until(3_600)
    assert told(after.tally) == []
    after.row(3_600, "b", 1)
    after.until(3_601)
    assert told(after.tally) == [(5, "gone", "a", "firing")]


def test_it_stands_in_a_file():
    table = {
        "do": "alert",
        "by": "key",
        "grace": "5s",
        "rules": [
            "hot: value > 100 for 5m clear below 95",
            {"name": "gone", "when": "no data for 30s", "priority": "critical"},
        ],
    }
    alert = build(table)
    assert isinstance(alert, Alert)
    assert [rule.name for rule in alert.plan.rules] == ["hot", "gone"]
    with pytest.raises(SettingError, match=r"rule 'hot': .*the place|rule 'hot': the expression"):
        build({"do": "alert", "rules": ["hot: value >"]})
    with pytest.raises(SchemaError, match="no column 'keys'"):
        Alert("value > 1", by="keys").bind(SCHEMA, ManualClock())
