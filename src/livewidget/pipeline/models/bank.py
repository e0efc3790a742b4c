"""The models of an operator: one for each key, bounded, and none of them can do harm."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.errors import StateError, quote
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.keys import distinct_rows
from livewidget.pipeline.models.model import (
    Estimate,
    Estimates,
    Floats,
    Lasting,
    Make,
    Model,
    Times,
    Vectorised,
    fields_of,
    kind_of,
)
from livewidget.pipeline.operator import State

log = logging.getLogger("livewidget")
MOST_KEYS = 1_000  # models that are kept: the default detector has 0.2 MB
MOST_FAILURES = 10  # in a row, then a model is set aside: one bad value alone is not its fault
COUNTED = ("keys forgotten", "failed", "begun anew", "missing")

Rows = npt.NDArray[np.intp]


class _Held:
    """The model of a key, and how often in a row it has failed."""

    __slots__ = ("failures", "model")

    def __init__(self, model: Model, failures: int = 0) -> None:
        self.model = model
        self.failures = failures


class Bank:
    """Runs the models of all keys over batches; also the `memory` of the operator.

    A model that raises, or whose estimate is not finite, says nothing of that row: it is counted
    as "failed", and the first reason is logged. After ten failures in a row a model is set aside
    and a new one begins ("begun anew"). Past `limit` keys the one whose last row is the longest
    ago is forgotten, exactly, however the rows came in batches. Values that are not finite are
    passed by ("missing"). Not thread-safe.
    """

    def __init__(
        self, make: Make, by: Sequence[str], counts: Counts, name: str, limit: int = MOST_KEYS
    ) -> None:
        self._make = make
        self._by = tuple(by)
        self._counts = counts
        self._name = name
        self._limit = limit
        self._held: OrderedDict[Hashable, _Held] = OrderedDict()
        self._kind = kind_of(make())
        self._told = False

    def __call__(self, batch: Batch, values: Floats) -> Estimates:
        """Return what the models make of the values, a row of the batch each."""
        estimates = Estimates(len(batch))
        known = np.isfinite(values)
        rows = np.flatnonzero(known)
        self._counts.add("missing", len(batch) - len(rows))
        if len(rows):
            keys, places = distinct_rows(batch, self._by)
            self._part(rows, keys, places, batch.times, values, estimates)
        return estimates

    def _part(
        self,
        rows: Rows,
        keys: list[Hashable],
        places: Rows,
        times: Times,
        values: Floats,
        estimates: Estimates,
    ) -> None:
        """Run over some rows; in halves where a key would have to be forgotten in between."""
        own = places[rows]
        order = np.argsort(own, kind="stable")
        edges = [0, *(np.flatnonzero(np.diff(own[order])) + 1).tolist(), len(rows)]
        groups = [rows[order[a:b]] for a, b in pairwise(edges)]
        new = sum(keys[places[group[0]]] not in self._held for group in groups)
        if len(self._held) + new > self._limit:
            if len(rows) > 1:
                middle = len(rows) // 2
                for half in (rows[:middle], rows[middle:]):
                    self._part(half, keys, places, times, values, estimates)
                return
            self._held.popitem(last=False)
            self._counts.add("keys forgotten", 1)
        for group in sorted(groups, key=lambda group: int(group[-1])):
            self._group(keys[places[group[0]]], group, times, values, estimates)

    def _group(
        self, key: Hashable, rows: Rows, times: Times, values: Floats, estimates: Estimates
    ) -> None:
        """Run the model of one key; it is the one last seen then."""
        held = self._held.get(key)
        if held is None:
            model = self._begin(len(rows))
            if model is None:
                return
            held = self._held[key] = _Held(model)
        self._held.move_to_end(key)
        if isinstance(held.model, Vectorised):
            try:
                estimates.put(rows, held.model.run(times[rows], values[rows]))
            except Exception:  # the rows that it fails on are found one by one
                log.debug("%s: the model failed on rows at once", self._name, exc_info=True)
            else:
                return
        both = zip(times[rows].tolist(), values[rows].tolist(), strict=True)
        for row, (time, value) in zip(rows.tolist(), both, strict=True):
            estimate = self._one(held, time, value)
            if estimate is not None:
                estimates.set(row, estimate)

    def _one(self, held: _Held, time: int, value: float) -> Estimate | None:
        """Return what the model makes of one value, None where it says nothing or fails."""
        try:
            estimate = held.model.step(time, value)
            if estimate is None:
                held.failures = 0
                return None
            checked = _checked(estimate)
        except Exception as error:  # noqa: BLE001  (whatever a user's model raises)
            wrong = f"{type(error).__name__}: {error}"
        else:
            held.failures = 0
            return checked
        self._counts.add("failed", 1)
        held.failures += 1
        self._tell("says nothing of such rows", wrong)
        if held.failures >= MOST_FAILURES:
            held.model, held.failures = self._begin(0) or held.model, 0
            self._counts.add("begun anew", 1)
        return None

    def _begin(self, rows: int) -> Model | None:
        """Return a new model; None where there is none to be had, and so many rows go without."""
        try:
            return self._make()
        except Exception as error:  # noqa: BLE001  (whatever a user's function raises)
            self._counts.add("failed", rows)
            self._tell("is not made", f"{type(error).__name__}: {error}")
            return None

    def _tell(self, what: str, wrong: str) -> None:
        """Log that a model failed, the first time."""
        if not self._told:
            self._told = True
            reason = quote(wrong, 200)[1:-1]
            log.warning("%s: the model %s failed, and %s: %s", self._name, self._kind, what, reason)

    def save(self) -> State:
        """Return the states of all models that have any; the other ones begin anew."""
        kept: list[tuple[Hashable, int, State]] = []
        for key, held in self._held.items():
            if isinstance(held.model, Lasting):
                try:
                    kept.append((key, held.failures, held.model.save()))
                except Exception as error:  # noqa: BLE001  (whatever a user's model raises)
                    self._counts.add("failed", 1)
                    self._tell("keeps no state", f"{type(error).__name__}: {error}")
        return {
            "version": 1,
            "model": self._kind,
            "keys": [list(key) if isinstance(key, tuple) else key for key, _, _ in kept],
            "failures": [failures for _, failures, _ in kept],
            "states": [state for _, _, state in kept],
        }

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it is of another model or does not fit."""
        version, kind, keys, failures, states = fields_of(
            state, "version", "model", "keys", "failures", "states"
        )
        if version != 1 or kind != self._kind:
            raise StateError(
                f"{self._name}: the state is of {quote(kind)}, version {quote(version)}; "
                f"expected {self._kind!r}, version 1"
            )
        held: OrderedDict[Hashable, _Held] = OrderedDict()
        try:
            for key, failed, own in zip(keys, failures, states, strict=True):
                model: Any = self._make()
                model.load(own)
                held[tuple(key) if isinstance(key, list) else key] = _Held(model, int(failed))
        except StateError:
            raise
        except Exception as error:
            raise StateError(f"{self._name}: a model's state does not fit: {error}") from error
        while len(held) > self._limit:
            held.popitem(last=False)
        self._held = held


def _checked(estimate: Estimate) -> Estimate:
    """Return an estimate as plain numbers. Raises ValueError or TypeError where it is none."""
    score, anomaly, expected, low, high, baseline, note = estimate
    score, expected = float(score), float(expected)
    finite = math.isfinite(score) or math.isfinite(expected) or note is not None
    if not finite or math.isinf(score) or math.isinf(expected):
        raise ValueError(
            f"its score is {score}, what it expects {expected}: one is to be finite, none infinite"
        )
    return Estimate(score, bool(anomaly), expected, float(low), float(high), float(baseline), note)
