"""Half-space trees: a forest that learns how crowded the place of a value is."""

from __future__ import annotations

from typing import Any

from livewidget.data.errors import StateError
from livewidget.pipeline.fields import whole
from livewidget.pipeline.models.kept import freeze, river, thaw
from livewidget.pipeline.models.model import Estimate, fields_of
from livewidget.pipeline.models.robust import positive
from livewidget.pipeline.models.tail import Tail
from livewidget.pipeline.operator import State

_HIGHEST = 1e6


class HalfSpaceTrees:
    """Scores a value by river's half-space trees (Tan, Ting and Liu, IJCAI 2011), from 0 to 1.

    The trees divide 0 to 1, so that a value is first put on the range of those seen. A value is
    an anomaly where its score is above a threshold that ordinary ones pass once in 1 / `risk` rows,
    and the score is in units of that threshold. `rows` are the values of a window of the trees,
    which say nothing in the first. `seed` makes the trees, so that a series gives the same twice.
    """

    band = False
    version = 1

    def __init__(self, rows: int = 250, trees: int = 10, risk: float = 1e-4, seed: int = 1) -> None:
        self._rows = whole(rows, "rows")
        self._trees: Any = river("anomaly").HalfSpaceTrees(
            n_trees=whole(trees, "trees"), window_size=rows, seed=seed
        )
        self._tail = Tail(positive(risk, "risk", 0.01))
        self._low, self._high, self._count = float("inf"), -float("inf"), 0

    def step(self, time: int, value: float) -> Estimate | None:  # noqa: ARG002  (rows count)
        """Return the estimate of one value, None in the first window."""
        self._low, self._high = min(self._low, value), max(self._high, value)
        span = self._high - self._low
        point = {"x": (value - self._low) / span if 0 < span < float("inf") else 0.5}
        self._count += 1
        score = None
        if self._count > self._rows:
            score = min(self._tail(float(self._trees.score_one(point))), _HIGHEST)
        self._trees.learn_one(point)
        return None if score is None else Estimate(score, score > 1)

    def save(self) -> State:
        """Return what was learned."""
        return {
            "trees": freeze(self._trees),
            "tail": self._tail.save(),
            "range": [self._low, self._high],
            "count": self._count,
        }

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it does not fit."""
        trees, tail, (low, high), count = fields_of(state, "trees", "tail", "range", "count")
        found = thaw(trees, type(self._trees))
        if found.window_size != self._rows:
            raise StateError(f"the state is of {found.window_size} rows, expected {self._rows}")
        self._tail.load(tail)
        self._trees = found
        self._low, self._high, self._count = float(low), float(high), int(count)
