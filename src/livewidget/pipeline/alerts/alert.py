"""The operator that watches a stream by rules, and tells of what changes on an output."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, StateError, quote
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.alerts.condition import Functions
from livewidget.pipeline.alerts.event import ALERTS
from livewidget.pipeline.alerts.grammar import is_text, nanoseconds
from livewidget.pipeline.alerts.plan import Plan
from livewidget.pipeline.alerts.rule import Rule
from livewidget.pipeline.alerts.signals import Signals
from livewidget.pipeline.alerts.watcher import Timing, Told, Watcher
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import names_of, whole
from livewidget.pipeline.keys import MOST_KEYS, Keys
from livewidget.pipeline.operator import Bound, Moment, Operator, State, Tally

Written = Rule | str | Mapping[str, Any]


class Alert(Operator):
    """Watches the rows of each key of `by` by rules; rows pass as they are.

    `Alert("temperature > 100 for 5m", by="sensor")`; `rules` is one rule or a list of them: a
    `Rule`, a line such as `hot: temperature > 100 for 5m`, or a table with a name and a `when`.
    What changes goes to the streamer's output `output`, under the schema `ALERTS`.

    All is by event time and the order of arrival within a key, so that history gives what live did,
    in the same order within each key. A condition that holds from t0, and that no row up to
    t0 + for contradicts, fires at t0 + for, stamped so: when the next row of its key tells, before
    what that row does itself; or by the clock, once that is `grace` further, and as much as the
    key's newest row was behind it when it came. A row that is older than `live` when it comes is
    history, for which no clock runs. At the end time has passed up to the newest row of all. A row
    that is older than the newest of its key is looked at as of that time.

    At the same instant rules come as they are written, then those that are made of others. Of more
    than `keys` keys the least recently seen are forgotten; what is under way for them is resolved,
    and `counts` has how many under "keys forgotten".

    Raises SettingError that names the rule for one that is none, a name given twice or not there,
    and rules that turn in a circle.
    """

    name = "alert"

    def __init__(
        self,
        rules: Written | Iterable[Written],
        *,
        by: str | Sequence[str] | None = None,
        output: str = "alerts",
        grace: Any = "1s",
        live: Any = "1m",
        keys: int = MOST_KEYS,
        functions: Functions | None = None,
    ) -> None:
        if isinstance(rules, (str, Rule, Mapping)):
            rules = [rules]
        if not isinstance(rules, Iterable):
            raise SettingError(f"rules is a rule or a list of rules; got {quote(rules)}")
        self.plan = Plan([Rule.of(each, functions) for each in rules])
        if not is_text(output):
            raise SettingError(f"output is the name of an output, got {quote(output)}")
        self.output = output
        self._by = names_of(by, "by")
        if self.plan.keyed and not self._by:
            raise SettingError("a rule with a key asks for by, the column that keys are in")
        self._grace = 0 if grace in (0, "0s") else nanoseconds(grace, "grace")
        self._live = nanoseconds(live, "live")
        self._keys = whole(keys, "keys")
        self._functions = functions
        self.counts = Counts("keys forgotten")

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Return the step, the tick and the memory.

        Raises SchemaError, with the rule, for a column that is absent or of another kind.
        """
        by = tuple(schema.index(name) for name in self._by)
        signals = Signals(self.plan, schema, clock, self._functions)
        keys = Keys(self._by, self.counts, self._keys)
        watcher = Watcher(self.plan, signals, by, keys, Timing(clock, self._grace, self._live))

        def step(batch: Batch, tally: Tally) -> Batch:
            self._tell(watcher.step(batch), tally)
            return batch

        def tick(moment: Moment, tally: Tally) -> Batch:
            self._tell(watcher.tick(moment), tally)
            return Batch.empty(schema)

        return Bound(schema, step, tick, _Memory(watcher, self._mark()))

    def _tell(self, told: list[Told], tally: Tally) -> None:
        if told:
            tally.copy(self.output, alerts(told))

    def _mark(self) -> str:
        """Return what a state has to be of: these rules and keys."""
        settings = [rule.settings for rule in self.plan.rules]
        return hashlib.sha256(repr((self._by, settings)).encode()).hexdigest()


class _Memory:
    def __init__(self, watcher: Watcher, mark: str) -> None:
        self._watcher = watcher
        self._mark = mark

    def save(self) -> State:
        return {"rules": self._mark, **self._watcher.save()}

    def load(self, state: State) -> None:
        if state.get("rules") != self._mark:
            raise StateError("the state of the alerts is of other rules, or of other keys")
        self._watcher.load(state)


def alerts(told: Sequence[Told]) -> Batch:
    """Return what changed as a batch of `ALERTS`."""
    rules = [each.change.unit.rule for each in told]
    changes = [each.change for each in told]
    columns = (
        np.array([change.time for change in changes], dtype=np.int64),
        Text.encode([rule and rule.name for rule in rules]),
        Text.encode([each.key for each in told]),
        Text.encode([change.state for change in changes]),
        Text.encode([rule and rule.priority for rule in rules]),
        np.array([change.value for change in changes], dtype=np.float64),
        np.array([change.since for change in changes], dtype=np.int64),
        Text.encode([_message(each) for each in told]),
    )
    return Batch(ALERTS, columns)


def _message(told: Told) -> str:
    change, rule = told.change, told.change.unit.rule
    assert rule is not None  # of what has none nobody is told
    values = {
        "rule": rule.name,
        "key": told.key,
        "state": change.state,
        "priority": rule.priority,
    }
    for name, time in (("time", change.time), ("since", change.since)):
        if rule.message.has(name):
            values[name] = f"{np.datetime64(time, 'ns').astype('datetime64[ms]')}Z"
    return rule.message(values, change.value)
