"""What places enclose: the convex hull of each key over a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock
from livewidget.data.errors import MissingExtraError
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import names_of, whole
from livewidget.pipeline.keys import distinct_rows
from livewidget.pipeline.operator import Bound, Moment, Operator, Tally
from livewidget.pipeline.sliding import Pane, Sliding, span_of
from livewidget.pipeline.spatial.plane import Plane, Points

_CORNERS = 3  # of what has an area


class Hulls(Operator):
    """Gives, at the multiples of `every`, the convex hull of the places of each key of `by`.

    One row for each corner, in turn and counterclockwise: the time of the window's end, the key's
    columns, `corner` from 0, its place, `area` in square metres (or the units of x and y, squared),
    the hull's centre in `centre_lat` and `centre_lon` (or as x and y are called), and `points`, how
    many there were. Places on one line have an area of 0 and two corners, a single one has one. On
    Earth the hull is that of a plane that touches it in the middle.

    Behind `Clusters`, take its `every` as the window, and leave the noise out before. `counts` has
    rows without a place ("no place"). Needs the extra `ml`.
    """

    name = "hulls"
    heavy = True

    def __init__(
        self,
        lat: str | None = None,
        lon: str | None = None,
        *,
        x: str | None = None,
        y: str | None = None,
        by: str | Sequence[str] | None = None,
        window: Any = "60s",
        every: Any = "5s",
        rows: int = 50_000,
    ) -> None:
        self._plane = Plane(lat, lon, x, y)
        self._by = names_of(by, "by")
        self._span = span_of(window, every)
        self._rows = whole(rows, "rows")
        self.counts = Counts("rows forgotten", "no place")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (event time alone)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers.

        Raises MissingExtraError where scipy is not installed.
        """
        self._plane.check(schema, "Hulls")
        after = self._after(schema)
        hull = _hull_finder()
        columns = (*self._plane.names, *self._by)
        sliding = Sliding(schema, self._span, self._rows, self.counts, columns)

        def run(batch: Batch | None, tally: Tally, *, final: bool) -> Batch:
            panes = sliding.panes(batch, final=final)
            made = [rows for pane in panes.panes for rows in self._hulls(pane, after, hull)]
            sliding.keep(panes)
            rows = concat(made) if made else Batch.empty(after)
            tally.made += len(rows)
            return rows

        def step(batch: Batch, tally: Tally) -> Batch:
            there = ~np.isnan(self._plane.points(batch)[:, 0])
            result = run(batch if there.all() else batch.take(there), tally, final=False)
            self.counts.add("no place", int((~there).sum()))
            tally.filtered += len(batch)
            return result

        def tick(moment: Moment, tally: Tally) -> Batch:
            return run(None, tally, final=True) if moment.final else Batch.empty(after)

        return Bound(after, step, tick, sliding)

    def _after(self, schema: Schema) -> Schema:
        first, second = self._plane.names
        kinds = {name: schema.kind(name) for name in self._by}
        kinds |= {"corner": Kind.INT, first: Kind.FLOAT, second: Kind.FLOAT, "area": Kind.FLOAT}
        kinds |= {f"centre_{name}": Kind.FLOAT for name in (first, second)}
        fields = [Field(*each) for each in (kinds | {"points": Kind.INT}).items()]
        return Schema([Field(schema.time, Kind.TIME), *fields], schema.time)

    def _hulls(self, pane: Pane, after: Schema, hull: Any) -> list[Batch]:
        points = self._plane.points(pane.rows)
        keys, places = distinct_rows(pane.rows, self._by)
        found = []
        for key in range(len(keys)):
            rows = np.flatnonzero(places == key)
            flat, origin = self._plane.flat(points[rows])
            ring = hull(flat)
            corners = self._plane.back(ring.corners, origin)
            centre = self._plane.back(ring.centre[np.newaxis], origin)[0]
            size = len(corners)
            columns = (
                np.full(size, pane.time, dtype=np.int64),
                *(pane.rows[name][np.full(size, rows[0])] for name in self._by),
                np.arange(size, dtype=np.int64),
                *corners.T.copy(),
                np.full(size, ring.area),
                *(np.full(size, each) for each in centre),
                np.full(size, len(rows), dtype=np.int64),
            )
            found.append(Batch(after, columns))
        return found


class Ring(NamedTuple):
    """A convex polygon: its corners, counterclockwise, its area and its centre."""

    corners: Points
    area: float
    centre: Points


def _hull_finder() -> Any:
    """Return what finds the hull of points, float64[n, 2]."""
    try:
        from scipy.spatial import ConvexHull, QhullError
    except ImportError:
        raise MissingExtraError("scipy", "ml") from None

    def find(points: Points) -> Ring:
        different = np.unique(points, axis=0)
        if len(different) >= _CORNERS:
            try:
                hull = ConvexHull(different)
            except QhullError:  # all on one line: its ends are first and last, by x, then by y
                different = different[[0, -1]]
            else:
                corners = different[hull.vertices]
                return Ring(corners, float(hull.volume), _centre(corners, float(hull.volume)))
        return Ring(different, 0.0, different.mean(axis=0))

    return find


def _centre(corners: Points, area: float) -> Points:
    """Return the centre of mass of a polygon, by its triangles from the first corner."""
    own = corners - corners[0]
    after = np.roll(own, -1, axis=0)
    cross = own[:, 0] * after[:, 1] - own[:, 1] * after[:, 0]
    middle: Points = corners[0] + ((own + after) * cross[:, np.newaxis]).sum(axis=0) / (6 * area)
    return middle
