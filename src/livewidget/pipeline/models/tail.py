"""From what score on a value is an alarm: by how often that may be wrong."""

from __future__ import annotations

import math

import numpy as np

from livewidget.pipeline.models.model import fields_of
from livewidget.pipeline.models.robust import floats
from livewidget.pipeline.operator import State

_KEPT = 5_000  # scores: the tail is a hundred of them
_LEAST = 300  # scores before there is a threshold: six are in the tail
_EVERY = 20  # rows: the tail moves slowly, and looking at it costs 60 us
_LARGEST = 1e300  # so that a mean of them is finite
_BODY = 0.98  # of the scores are ordinary


class Tail:
    """Learns the threshold that ordinary scores pass once in 1 / `risk` rows.

    Scores above their 98th percentile are taken to fall off exponentially, with the mean excess
    that was seen: peaks over threshold, as in Siffer et al., "Anomaly detection in streams with
    extreme value theory" (KDD 2017), without the shape, which a hundred scores do not tell. A
    score above the threshold is learned as if it were at it, so that a spell does not hide the
    next one.
    """

    def __init__(self, risk: float) -> None:
        self._reach = math.log((1 - _BODY) / risk)
        self._scores = np.zeros(_KEPT)
        self._count = 0
        self._clip = math.inf
        self.threshold = math.inf

    def __call__(self, score: float) -> float:
        """Return a score in units of the threshold, 0 where there is none yet; then learn it."""
        found = score / self.threshold if self.threshold > 0 else math.inf if score > 0 else 0.0
        self._scores[self._count % _KEPT] = min(score, self._clip, _LARGEST)
        self._count += 1
        if self._count >= _LEAST and self._count % _EVERY == 0:
            self._learn()
        return found

    def _learn(self) -> None:
        scores = self._scores[: self._count]
        place = math.ceil(_BODY * len(scores)) - 1
        ordered = np.partition(scores, place)
        edge = float(ordered[place])
        over = ordered[place + 1 :]
        over = over[over > edge]
        self.threshold = edge
        if len(over):
            self.threshold += self._reach * float((over - edge).mean())
        # Where nothing lies above the edge there is no tail to be clipped, but one to be learned.
        self._clip = self.threshold if len(over) else math.inf

    def save(self) -> State:
        """Return what was learned."""
        return {
            "scores": self._scores[: self._count].copy(),
            "count": self._count,
            "clip": self._clip,
            "threshold": self.threshold,
        }

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it does not fit."""
        scores, count, clip, threshold = fields_of(state, "scores", "count", "clip", "threshold")
        own = floats(scores, _KEPT)
        self._scores[: len(own)] = own
        self._count, self._clip, self.threshold = int(count), float(clip), float(threshold)
