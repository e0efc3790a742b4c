"""Clusters of places over a sliding window, by density."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock
from livewidget.data.duration import is_number
from livewidget.data.errors import MissingExtraError, SettingError, StateError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import extended, names_of, whole
from livewidget.pipeline.geo import EARTH_M
from livewidget.pipeline.keys import distinct_rows
from livewidget.pipeline.operator import Bound, Moment, Operator, State, Tally
from livewidget.pipeline.sliding import Pane, Sliding, span_of
from livewidget.pipeline.spatial.plane import Plane, Points

Labels = npt.NDArray[np.int64]
NOISE = -1


class Clusters(Operator):
    """Gives, at the multiples of `every`, each place of the last `window` with its cluster.

    DBSCAN (Ester et al., 1996) of scikit-learn: a place with `min_points` within `eps`, itself
    among them, is of a cluster, with all that are so near to it; the others are noise, -1. `eps` is
    in metres along the great circle for `lat` and `lon`, in the columns' units for `x` and `y`.
    With `by` each key is clustered by itself. The rows have all their columns, the time of the
    window's end, and `into`, a whole number: a cluster keeps it as long as it shares the most rows
    with that of the window before; new ones get the next.

    Rows without a place are left out and counted as "no place". Of one window the newest `rows`
    are taken. Needs the extra `ml`.
    """

    name = "clusters"
    heavy = True

    def __init__(
        self,
        lat: str | None = None,
        lon: str | None = None,
        *,
        eps: float,
        x: str | None = None,
        y: str | None = None,
        min_points: int = 5,
        window: Any = "60s",
        every: Any = "5s",
        by: str | Sequence[str] | None = None,
        into: str = "cluster",
        rows: int = 5_000,
    ) -> None:
        self._plane = Plane(lat, lon, x, y)
        if not is_number(eps) or not 0 < eps < float("inf"):
            raise SettingError(f"eps is a distance above 0; got {quote(eps)}")
        self._eps = float(eps)
        self._least = whole(min_points, "min_points")
        self._span = span_of(window, every)
        self._by = names_of(by, "by")
        self._into = into
        self._rows = whole(rows, "rows")
        self.counts = Counts("rows forgotten", "no place")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (event time alone)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers.

        Raises MissingExtraError where scikit-learn is not installed.
        """
        self._plane.check(schema, "Clusters")
        for name in self._by:
            schema.kind(name)
        after = extended(schema, [Field(self._into, Kind.INT)], "Clusters")
        sliding = Sliding(schema, self._span, self._rows, self.counts)
        find, known = self._finder(), _Known()

        def run(batch: Batch | None, tally: Tally, *, final: bool) -> Batch:
            panes = sliding.panes(batch, final=final)
            raw = [find(pane.rows) for pane in panes.panes]
            sliding.keep(panes)
            made = [
                _labelled(pane, known.name(pane.first, labels), after)
                for pane, labels in zip(panes.panes, raw, strict=True)
            ]
            rows = concat(made) if made else Batch.empty(after)
            tally.made += len(rows)
            return rows

        def step(batch: Batch, tally: Tally) -> Batch:
            points = self._plane.points(batch)
            there = ~np.isnan(points[:, 0])
            result = run(batch if there.all() else batch.take(there), tally, final=False)
            self.counts.add("no place", int((~there).sum()))
            tally.filtered += len(batch)
            return result

        def tick(moment: Moment, tally: Tally) -> Batch:
            return run(None, tally, final=True) if moment.final else Batch.empty(after)

        return Bound(after, step, tick, _Memory(sliding, known))

    def _finder(self) -> Any:
        """Return what finds the clusters of rows: int64[n], numbered anew each time."""
        dbscan = _dbscan()
        on_earth, eps, least = self._plane.on_earth, self._eps, self._least

        def of_points(points: Points) -> Labels:
            if on_earth:
                model = dbscan(
                    eps=eps / EARTH_M,
                    min_samples=least,
                    metric="haversine",
                    algorithm="ball_tree",
                )
                labels = model.fit(np.radians(points)).labels_
            else:
                labels = dbscan(eps=eps, min_samples=least).fit(points).labels_
            return np.asarray(labels, dtype=np.int64)

        def find(batch: Batch) -> Labels:
            points = self._plane.points(batch)
            keys, places = distinct_rows(batch, self._by)
            labels = np.full(len(batch), NOISE, dtype=np.int64)
            for key in range(len(keys)):
                rows = np.flatnonzero(places == key)
                own = of_points(points[rows])
                labels[rows] = np.where(own == NOISE, NOISE, own + labels.max(initial=NOISE) + 1)
            return labels

        return find


def _dbscan() -> Any:
    try:
        from sklearn.cluster import DBSCAN
    except ImportError:
        raise MissingExtraError("scikit-learn", "ml") from None
    return DBSCAN


def _labelled(pane: Pane, labels: Labels, after: Schema) -> Batch:
    columns = list(pane.rows.columns)
    columns[after.index(after.time)] = np.full(len(labels), pane.time, dtype=np.int64)
    return Batch(after, (*columns, labels))


class _Known:
    """The clusters of the window before, and the number for the next new one."""

    def __init__(self) -> None:
        self.first = 0
        self.labels: Labels = np.zeros(0, dtype=np.int64)
        self.next = 0

    def name(self, first: int, raw: Labels) -> Labels:
        """Return labels with the numbers that their clusters had, by the most rows in common."""
        begin = min(max(first - self.first, 0), len(self.labels))
        old = self.labels[begin:]
        new = raw[: len(old)]
        both = (old != NOISE) & (new != NOISE)
        pairs, shared = np.unique(np.column_stack([new, old])[both], axis=0, return_counts=True)
        names: dict[int, int] = {}
        taken: set[int] = set()
        for place in np.argsort(-shared, kind="stable").tolist():
            own, before = pairs[place].tolist()
            if own not in names and before not in taken:
                names[own] = before
                taken.add(before)
        for own in range(int(raw.max(initial=NOISE)) + 1):
            if own not in names:
                names[own] = self.next
                self.next += 1
        table = np.array([*(names[own] for own in range(len(names))), NOISE], dtype=np.int64)
        self.first, self.labels = first, table[raw]
        return self.labels


class _Memory:
    """The rows of the window, and the clusters of the one before."""

    def __init__(self, sliding: Sliding, known: _Known) -> None:
        self._sliding = sliding
        self._known = known

    def save(self) -> State:
        known = {"first": self._known.first, "labels": self._known.labels.copy()}
        return {"rows": self._sliding.save(), "known": known | {"next": self._known.next}}

    def load(self, state: State) -> None:
        try:
            known = state["known"]
            first, following = int(known["first"]), int(known["next"])
            labels = np.asarray(known["labels"], dtype=np.int64)
            rows = state["rows"]
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"the clusters cannot be gone on from: {error!r}") from None
        self._sliding.load(rows)
        self._known.first, self._known.labels, self._known.next = first, labels, following
