"""Rows to named outputs, by conditions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Schema
from livewidget.pipeline.calculate import Functions, bound_condition
from livewidget.pipeline.expression import Expression
from livewidget.pipeline.operator import Bound, Operator, Tally

PRIORITIES = ("high", "medium", "low")
MATCHES = ("first", "all")
MOST_OUTPUTS = 100


class Route(Operator):
    """Sends the rows for which a condition holds to the output of its name.

    `Route({"alarms": "level >= 3", "audit": "user == 'root'"})`. With `match="first"` a row goes to
    the first output in the order they are written whose condition holds; with "all" to each of
    them, and counts once. Rows that match none go on; with `keep=True` those that match go on as
    well, and their outputs get copies. What leaves is counted as filtered.

    `priority`, such as `{"alarms": "high"}`, says which outputs are handed over first; "medium"
    where nothing is said. `priorities` tells it to whoever serves the outputs. Where one of the
    user's `functions` fails, the rows of that batch are rejected with its error.

    Raises SettingError for a condition, a priority or a match that is none.
    """

    name = "route"

    def __init__(
        self,
        outputs: Mapping[str, str],
        *,
        match: str = "first",
        keep: bool = False,
        priority: Mapping[str, str] | None = None,
        functions: Functions | None = None,
    ) -> None:
        if not _fits(outputs):
            raise SettingError(
                f"outputs is a mapping of 1 to {MOST_OUTPUTS} names to conditions, such as "
                f"{{'alarms': 'level >= 3'}}; got {quote(outputs)}"
            )
        if match not in MATCHES:
            raise SettingError(f"match is 'first' or 'all', got {quote(match)}")
        if not isinstance(keep, bool):
            raise SettingError(f"keep is True or False, got {quote(keep)}")
        self.expressions = {
            name: _expression(name, text, functions) for name, text in outputs.items()
        }
        self.match = match
        self.keep = keep
        self.priorities: Mapping[str, str] = _priorities(
            outputs, {} if priority is None else priority
        )

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Bind to `schema`, which stays. Raises SchemaError for what is no condition."""
        conditions = {
            name: bound_condition(each, schema, clock, f"output {quote(name)}")
            for name, each in self.expressions.items()
        }
        leaves = self.match == "first" and not self.keep  # each row to one place alone
        order = sorted(conditions, key=lambda name: PRIORITIES.index(self.priorities[name]))

        def step(batch: Batch, tally: Tally) -> Batch:
            size = len(batch)
            try:
                found = {name: each.holds(batch) for name, each in conditions.items()}
            except SchemaError as error:
                tally.reject(batch, np.ones(size, dtype=bool), str(error), self.name)
                return Batch.empty(schema)
            left = self._part(found, size)
            for name in order:
                rows = np.flatnonzero(found[name])
                if len(rows):
                    (tally.route if leaves else tally.copy)(name, batch.take(rows))
            if self.keep or left.all():
                return batch
            rest = np.flatnonzero(left)
            tally.filtered += 0 if leaves else size - len(rest)
            return batch.take(rest)

        return Bound(schema, step)

    def _part(self, found: dict[str, npt.NDArray[np.bool_]], size: int) -> npt.NDArray[np.bool_]:
        """Return the rows that match nothing; where the first match wins, take them apart."""
        left = np.ones(size, dtype=bool)
        for name, rows in found.items():
            if self.match == "first":
                found[name] = rows & left
            left &= ~rows
        return left


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _fits(outputs: object) -> bool:
    return isinstance(outputs, Mapping) and 0 < len(outputs) <= MOST_OUTPUTS


def _expression(name: object, text: str, functions: Functions | None) -> Expression:
    if not isinstance(name, str) or not name:
        raise SettingError(f"an output's name is text, got {quote(name)}")
    try:
        return Expression(text, functions)
    except SettingError as error:
        raise SettingError(f"output {quote(name)}: {error}") from None


def _priorities(outputs: Mapping[str, str], given: Mapping[str, str]) -> Mapping[str, str]:
    if not _is_mapping(given):
        raise SettingError(
            f"priority is a mapping of outputs to 'high', 'medium' or 'low', got {quote(given)}"
        )
    for name, priority in given.items():
        if name not in outputs:
            known = ", ".join(map(repr, outputs))
            raise SettingError(
                f"priority names an output that is not there, {quote(name)}; they are {known}"
            )
        if priority not in PRIORITIES:
            raise SettingError(
                f"the priority of {quote(name)} is 'high', 'medium' or 'low', got {quote(priority)}"
            )
    return {name: given.get(name, "medium") for name in outputs}
