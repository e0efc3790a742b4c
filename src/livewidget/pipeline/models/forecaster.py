"""A forecast that is held against what came, has an interval, and is withdrawn where it is bad."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.pipeline.models.model import NAN, Estimate, Lasting, Model, fields_of, kind_of
from livewidget.pipeline.operator import State

NOT_FINITE = "not finite"
OUT_OF_BOUNDS = "out of bounds"
WORSE = "worse than naive"
LONGEST = 10_000  # steps: so many forecasts of a key are under way
REASONS = (NOT_FINITE, OUT_OF_BOUNDS, WORSE)

_RECENT = 200  # values and errors that are looked back at
_LEAST = 20  # errors before there is an interval
_JUDGED = 50  # errors before the forecast is judged
_TURN = 0.005  # of the part of the errors, a miss: a tenth of what 0.95 leaves out
_BEYOND = 3.0  # ranges of the recent values, that a forecast may lie outside of them
_BAD, _WELL = 3.0, 2.0  # times the naive error: withdrawn above, well again below
_WILD = 10.0  # times the naive mean error: one error counts no more, since a spike is no trend
_RATE = 0.02  # of the mean errors: those of the last fifty rows
_PATIENCE = 200  # bad forecasts in a row, after which the model begins anew
_INTERVALS = 20  # between rows, whose median is how long a step is

Span = int | float  # steps where whole, seconds where a float
Build = Callable[[int, int | None], Model]  # of horizon and season, in steps


class _Made(NamedTuple):
    """A forecast for a later row."""

    point: float = NAN
    low: float = NAN
    high: float = NAN
    naive: float = NAN
    reason: str | None = None


class Forecaster:
    """Says of each value what was forecast for it, `horizon` steps before.

    `horizon` and `season` are steps (int) or seconds (float), which are turned into steps by the
    median of the first twenty intervals. The interval reaches as far as a part of the last two
    hundred errors did; the part is moved by each hit and each miss, so that `coverage` of the
    values come to lie inside in the long run, whatever the model and its errors (adaptive
    conformal inference, Gibbs and Candes 2021). A model's own interval is not looked at.

    A forecast is withdrawn, its reason the `note`, where it is not finite, where it lies more than
    three ranges outside of the recent values, and while its mean error is above three times that
    of the naive forecast (the value as it was), until it is below two. A model that was bad 200
    times in a row begins anew.
    """

    band = True
    version = 1

    def __init__(self, build: Build, horizon: Span, season: Span | None, coverage: float) -> None:
        self._build = build
        self._spans = (horizon, season)
        self._coverage = coverage
        self._steps = 0
        self._model: Model | None = None
        self._newest: int | None = None
        self._intervals: list[int] = []
        self._made: deque[_Made] = deque()
        self._values: deque[float] = deque(maxlen=_RECENT)
        self._errors: deque[float] = deque()
        self._sorted: list[float] = []
        self._part = coverage  # of the errors, that the interval reaches over
        self._judge = [0.0, 0.0, 0.0]  # mean error, the naive one's, how many
        self._worse = False
        self._bad = 0
        if all(isinstance(span, int) or span is None for span in self._spans):
            self._start(1)

    def _start(self, interval: int) -> None:
        """Make the model, for steps of so many ns."""
        horizon, season = (
            span if span is None or isinstance(span, int) else max(1, round(span * 1e9 / interval))
            for span in self._spans
        )
        assert horizon is not None
        if horizon > LONGEST:
            self._intervals = []  # it is looked at again: rows may come more slowly then
            raise SettingError(
                f"horizon {self._spans[0]} s is {horizon:,} steps of {interval / 1e9:g} s; "
                f"it is at most {LONGEST:,}"
            )
        self._model = self._build(horizon, season if season != 1 else None)
        self._intervals, self._steps = [interval], horizon

    def _learn_step(self, time: int) -> None:
        newest = self._newest
        self._newest = time if newest is None else max(newest, time)
        if newest is not None and time > newest:
            insort(self._intervals, time - newest)
        if len(self._intervals) == _INTERVALS:
            self._start(self._intervals[_INTERVALS // 2])

    def step(self, time: int, value: float) -> Estimate | None:
        """Return the forecast for this value; None where none was made. Then make a later one."""
        if self._model is None:
            self._learn_step(time)
        model = self._model
        if model is None:
            return None
        made = self._made.popleft() if len(self._made) == self._steps else _Made()
        self._look_back(made, value)
        self._values.append(value)
        try:
            estimate = model.step(time, value)
        except Exception:
            self._made.append(_Made())  # so that the next ones are for their own rows
            raise
        self._made.append(_Made() if estimate is None else self._make(estimate.expected, value))
        if self._bad >= _PATIENCE:
            self._start(self._intervals[0])
            self._bad, self._worse, self._judge = 0, False, [0.0, 0.0, 0.0]
        reason = made.reason or (WORSE if self._worse and made.point == made.point else None)
        if reason is not None:
            return Estimate(baseline=made.naive, note=reason)
        if made.point != made.point:
            return None
        return Estimate(NAN, False, made.point, made.low, made.high, made.naive)

    def _make(self, point: float, value: float) -> _Made:
        """Return a forecast made at a value, with its interval or the reason against it."""
        reason = None
        if not math.isfinite(point):
            reason = NOT_FINITE
        else:
            low, high = min(self._values), max(self._values)
            room = _BEYOND * (high - low)
            if room > 0 and not low - room <= point <= high + room:
                reason = OUT_OF_BOUNDS
        self._bad = self._bad + 1 if reason or self._worse else 0
        if reason:
            return _Made(naive=value, reason=reason)
        wide = NAN
        count = len(self._sorted)
        if count >= _LEAST:
            wide = self._sorted[min(count, math.ceil((count + 1) * self._part)) - 1]
        return _Made(point, point - wide, point + wide, value)

    def _look_back(self, made: _Made, value: float) -> None:
        """Learn from the error of a forecast."""
        if made.point != made.point:
            return
        error, naive = abs(value - made.point), abs(value - made.naive)
        if made.low == made.low:
            part = self._part + _TURN * (self._coverage - (made.low <= value <= made.high))
            self._part = min(max(part, 0.5 * self._coverage), 1.0)
        self._errors.append(error)
        insort(self._sorted, error)
        if len(self._errors) > _RECENT:
            del self._sorted[bisect_left(self._sorted, self._errors.popleft())]
        own, other, count = self._judge
        rate = max(_RATE, 1 / (count + 1))
        other += rate * (naive - other)
        least = max(other, 1e-9 * abs(value))
        own += rate * (min(error, _WILD * least) - own)
        self._judge = [own, other, count + 1]
        if count + 1 >= _JUDGED:
            self._worse = own > (_WELL if self._worse else _BAD) * least

    def save(self) -> State:
        """Return what was learned; a model that keeps no state begins anew."""
        model: object = self._model
        return {
            "spans": list(self._spans),
            "coverage": self._coverage,
            "kind": None if model is None else kind_of(model),
            "model": model.save() if isinstance(model, Lasting) else None,
            "newest": self._newest,
            "intervals": list(self._intervals),
            "made": [list(each) for each in self._made],
            "values": list(self._values),
            "errors": list(self._errors),
            "judge": list(self._judge),
            "part": self._part,
            "worse": self._worse,
            "bad": self._bad,
        }

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it is of other settings."""
        spans, coverage, kind, model = fields_of(state, "spans", "coverage", "kind", "model")
        intervals, made, newest = fields_of(state, "intervals", "made", "newest")
        values, errors, judge = fields_of(state, "values", "errors", "judge")
        if tuple(spans) != self._spans or coverage != self._coverage:
            raise StateError(
                f"the state is of {quote(spans)} and coverage {quote(coverage)}; "
                f"expected {list(self._spans)} and {self._coverage}"
            )
        self._intervals = [int(each) for each in intervals]
        if kind is not None:
            self._start(self._intervals[0])
            own: object = self._model
            if kind_of(own) != kind:
                raise StateError(f"the model is {quote(kind)}, expected {kind_of(own)!r}")
            if model is not None and isinstance(own, Lasting):
                own.load(model)
        self._newest = newest
        self._made = deque(_Made(*each) for each in made)
        self._values = deque(map(float, values), maxlen=_RECENT)
        self._errors = deque(map(float, errors))
        self._sorted = sorted(self._errors)
        self._judge = [float(each) for each in judge]
        self._worse, self._bad = bool(state["worse"]), int(state["bad"])
        self._part = float(state["part"])
