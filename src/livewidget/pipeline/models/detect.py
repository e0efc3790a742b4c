"""Anomalies of a column: what is out of the ordinary, by a model that learns the ordinary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.schema import Field, Schema
from livewidget.pipeline.fields import NUMBERS, expect
from livewidget.pipeline.models.bank import MOST_KEYS
from livewidget.pipeline.models.learned import Learned, floats_of, marked, prefixed
from livewidget.pipeline.models.model import Estimates, Floats, Make, Model, maker
from livewidget.pipeline.models.residual import Residual
from livewidget.pipeline.models.robust import RobustZ, positive
from livewidget.pipeline.models.scores import ratio
from livewidget.pipeline.models.trees import HalfSpaceTrees

DETECTORS: dict[str, Make] = {
    "auto": Residual,
    "half_space_trees": HalfSpaceTrees,
    "robust_z": RobustZ,
    "seasonal": lambda: Residual("season"),
}


class Detect(Learned):
    """Adds `anomaly_score`, and in `anomaly` the value itself where it is out of the ordinary.

    Else NaN, so that anomalies draw as markers. A model that has a band adds `expected`, `low` and
    `high`. `into` is what those names begin with, `into="pump"` for `pump_anomaly`.

    `model` is "auto" (what neither the level nor the time of day explains; see
    `models.residual.Residual`), "seasonal" (the time of day alone), "robust_z" (median and MAD of
    the last 200 values), "half_space_trees" (river), an object with `step` (`models.Model`), or a
    function that returns one. `threshold` decides by the score in the model's place.

    `label` is a column of numbers that says which rows are anomalies (not 0): then `scores` has
    precision, recall and F1, row by row; else how many rows were judged, how many are anomalies,
    and how much of all lay in the band (`coverage`).
    """

    name = "detect"
    SCORES = ("rows", "anomalies", "coverage", "precision", "recall", "f1")
    TERMS = 7

    def __init__(
        self,
        column: str,
        model: Any = "auto",
        *,
        by: str | Sequence[str] | None = None,
        into: str | None = None,
        threshold: float | None = None,
        label: str | None = None,
        score_every: Any = None,
        most_keys: int = MOST_KEYS,
    ) -> None:
        make = maker(model, DETECTORS)
        super().__init__(column, make, by=by, most_keys=most_keys, score_every=score_every)
        self._prefix = prefixed(into)
        self._threshold = None if threshold is None else positive(threshold, "threshold")
        self._label = label
        self._band = False

    def _fields(self, model: Model, schema: Schema) -> list[Field]:
        if self._label is not None:
            expect(schema, self._label, NUMBERS, "Detect")
        self._band = bool(getattr(model, "band", False))
        names = ["anomaly_score", "anomaly", *(("expected", "low", "high") if self._band else ())]
        return floats_of(self._prefix + name for name in names)

    def _columns(self, estimates: Estimates, values: Floats) -> list[Column]:
        band = (estimates.expected, estimates.low, estimates.high) if self._band else ()
        return [estimates.score, marked(self._decided(estimates), values), *band]

    def _decided(self, estimates: Estimates) -> Estimates:
        if self._threshold is not None:
            estimates.anomaly = estimates.score > self._threshold
        return estimates

    def _terms(self, estimates: Estimates, values: Floats, batch: Batch) -> Floats:
        found = self._decided(estimates).anomaly
        judged = ~np.isnan(estimates.score)
        with np.errstate(invalid="ignore"):
            banded = ~np.isnan(estimates.low)
            inside = (values >= estimates.low) & (values <= estimates.high)
        label = np.full(len(values), np.nan) if self._label is None else batch[self._label]
        assert isinstance(label, np.ndarray)
        known = judged & ~np.isnan(label)
        true = known & (label != 0)
        hit = true & found
        terms = (judged, found, banded, inside, hit, known & found, true)
        return np.stack(terms, axis=1).astype(np.float64)

    def _result(self, sums: Floats) -> list[float]:
        rows, found, banded, inside, hit, alarms, true = sums.tolist()
        precision, recall = ratio(hit, alarms), ratio(hit, true)
        coverage = ratio(inside, banded)
        return [rows, found, coverage, precision, recall, ratio(2 * hit, alarms + true)]
