"""Which two columns are a place, and what distance and area mean there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.fields import NUMBERS, expect
from livewidget.pipeline.geo import EARTH_M

Points = npt.NDArray[np.float64]  # float64[n, 2]
_M_PER_DEGREE = math.radians(1) * EARTH_M


class Plane:
    """Two columns: `lat` and `lon` in degrees, with metres between them, or `x` and `y`."""

    def __init__(self, lat: Any, lon: Any, x: Any, y: Any) -> None:
        self.on_earth = x is None and y is None
        names = (lat, lon) if self.on_earth else (x, y)
        others = (x, y) if self.on_earth else (lat, lon)
        if not all(isinstance(name, str) for name in names) or any(others):
            raise SettingError(
                "a place is two columns: lat and lon, or x and y; "
                f"got lat={lat!r}, lon={lon!r}, x={x!r}, y={y!r}"
            )
        self.names: tuple[str, str] = names

    def check(self, schema: Schema, operator: str) -> None:
        """Raise SchemaError for a column that is absent or holds no numbers."""
        for name in self.names:
            expect(schema, name, NUMBERS, operator)

    def points(self, batch: Batch) -> Points:
        """Return the places, float64[n, 2]: what is missing, or not on Earth, is NaN in both."""
        first, second = (np.asarray(batch[name], dtype=np.float64) for name in self.names)
        good = np.isfinite(first) & np.isfinite(second)
        if self.on_earth:
            good &= (np.abs(first) <= 90) & (np.abs(second) <= 180)  # noqa: PLR2004  (degrees)
        return np.where(good[:, np.newaxis], np.column_stack([first, second]), np.nan)

    def flat(self, points: Points) -> tuple[Points, Points]:
        """Return the points in a plane of equal units both ways, and the origin there.

        On Earth those are metres east and north of the middle, true for a stretch that is small
        against the Earth; it may lie across the 180th meridian.
        """
        if not self.on_earth:
            origin = points.mean(axis=0)
            return points - origin, origin
        east = _turned(points[:, 1] - points[0, 1])
        origin = np.array([points[:, 0].mean(), _turned(points[0, 1] + east.mean())])
        east -= east.mean()
        north = points[:, 0] - origin[0]
        wide = math.cos(math.radians(origin[0])) * _M_PER_DEGREE
        return np.column_stack([east * wide, north * _M_PER_DEGREE]), origin

    def back(self, flat: Points, origin: Points) -> Points:
        """Return points of the plane as columns have them: the way back from `flat`."""
        if not self.on_earth:
            return flat + origin
        wide = max(math.cos(math.radians(origin[0])) * _M_PER_DEGREE, 1e-9)
        return np.column_stack(
            [origin[0] + flat[:, 1] / _M_PER_DEGREE, _turned(origin[1] + flat[:, 0] / wide)]
        )


def _turned(degrees: Any) -> Any:
    """Return longitudes, or differences of such, from -180 to 180."""
    return (degrees + 180.0) % 360.0 - 180.0
