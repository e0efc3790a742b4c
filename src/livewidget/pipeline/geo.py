"""Where an event took place: its spatial cell, and how far it is from somewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.duration import is_number
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import NUMBERS, expect, extended, names_of, whole
from livewidget.pipeline.keys import Keys, Places, grouped, grown
from livewidget.pipeline.operator import Bound, Operator, Tally

Degrees = npt.NDArray[np.float64]
EARTH_M = 6_371_008.8  # the mean radius of the ellipsoid (Moritz, Geodetic Reference System 1980)
_ALPHABET = np.frombuffer(b"0123456789bcdefghjkmnpqrstuvwxyz", dtype=np.uint8)
_FINEST = 12
_HALF_TURN_M = math.pi * EARTH_M


class Cell(Operator):
    """Adds the geohash of a place (G. Niemeyer, 2008) as text, in the column `into`.

    `lat` and `lon` name columns of degrees. `precision` is how many letters, 1 to 12; `size_m`
    instead is what a cell measures at most, in metres, at the equator. A place that is missing, or
    not on Earth, has no cell.
    """

    name = "cell"

    def __init__(
        self,
        lat: str = "lat",
        lon: str = "lon",
        *,
        precision: int | None = None,
        size_m: float | None = None,
        into: str = "cell",
    ) -> None:
        self._lat, self._lon, self._into = lat, lon, into
        if (precision is None) == (size_m is None):
            raise SettingError("Cell takes precision (letters) or size_m (metres), one of them")
        self._letters = _letters(size_m) if precision is None else whole(precision, "precision")
        if self._letters > _FINEST:
            raise SettingError(f"precision is 12 at most; got {quote(precision)}")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (places go by no clock)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers."""
        expect(schema, self._lat, NUMBERS, "Cell")
        expect(schema, self._lon, NUMBERS, "Cell")
        after = extended(schema, [Field(self._into, Kind.TEXT)], "Cell")

        def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
            lat, lon = _degrees(batch, self._lat), _degrees(batch, self._lon)
            return Batch(after, (*batch.columns, geohash(lat, lon, self._letters)))

        return Bound(after, step)


def _letters(size_m: Any) -> int:
    """Return the fewest letters whose cells are `size_m` at most, both ways."""
    if not is_number(size_m) or not size_m > 0:
        raise SettingError(f"size_m is a length above 0 in metres; got {quote(size_m)}")
    for letters in range(1, _FINEST + 1):
        high = _HALF_TURN_M / 2 ** (5 * letters // 2)
        wide = 2 * _HALF_TURN_M / 2 ** ((5 * letters + 1) // 2)
        if max(high, wide) <= size_m:
            return letters
    raise SettingError(f"size_m is 0.04 m at least, the finest cell; got {quote(size_m)}")


def _degrees(batch: Batch, name: str) -> Degrees:
    column = batch[name]
    assert isinstance(column, np.ndarray)
    return column.astype(np.float64, copy=False)


def geohash(lat: Degrees, lon: Degrees, letters: int) -> Text:
    """Return the geohashes of places, with so many letters each, 1 to 12.

    Every bit halves the longitude's range, then the latitude's, in turn; a place on the edge is in
    the cell to its north and east. Five bits make a letter.
    """
    good = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)  # noqa: PLR2004  (degrees)
    bits = 5 * letters
    east = _part(np.where(good, lon, 0.0), 180.0, (bits + 1) // 2)
    north = _part(np.where(good, lat, 0.0), 90.0, bits // 2)
    if letters % 2:  # the last bit is the longitude's
        cells = _spread(east) | _spread(north) << np.uint64(1)
    else:
        cells = _spread(east) << np.uint64(1) | _spread(north)
    different, codes = np.unique(cells, return_inverse=True)
    shifts = np.arange(bits - 5, -1, -5, dtype=np.uint64)
    words = _ALPHABET[different[:, np.newaxis] >> shifts & np.uint64(31)]
    names = tuple(words.view(f"S{letters}")[:, 0].astype(f"U{letters}").tolist())
    return Text(np.where(good, codes, -1).astype(np.int32), names)


def _part(degrees: Degrees, reach: float, bits: int) -> npt.NDArray[np.uint64]:
    """Return which of 2**bits equal parts of -reach to reach it is in, 32 bits at most."""
    step = 2 * reach / 2**bits
    part = np.floor((degrees + reach) / step)
    part -= degrees < part * step - reach  # the sum above may have rounded over an edge
    part += degrees >= (part + 1) * step - reach
    parts: npt.NDArray[np.uint64] = np.clip(part, 0, 2**bits - 1).astype(np.uint64)
    return parts


_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def _spread(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return 32-bit numbers with a zero between every two bits (Morton, 1966)."""
    for shift, mask in _SPREAD:
        numbers = (numbers | numbers << np.uint64(shift)) & np.uint64(mask)
    return numbers


class Distance(Operator):
    """Adds how far a place is from another, in metres along the great circle.

    From a fixed place, `to=(lat, lon)` in degrees, or with `previous=True` from the last known
    place of the same key of `by`; the first of a key has none. NaN where a place is missing. By the
    haversine formula (R. W. Sinnott, "Virtues of the haversine", 1984) on a sphere: within 0.6 % of
    the ellipsoid.
    """

    name = "distance"

    def __init__(
        self,
        lat: str = "lat",
        lon: str = "lon",
        *,
        to: tuple[float, float] | None = None,
        previous: bool = False,
        by: str | Sequence[str] | None = None,
        into: str = "distance_m",
    ) -> None:
        self._lat, self._lon, self._into = lat, lon, into
        self._by = names_of(by, "by")
        self.counts = Counts("keys forgotten")
        if (to is None) == (not previous):
            raise SettingError("Distance takes to=(lat, lon) or previous=True, one of them")
        if to is not None and self._by:
            raise SettingError("by is for previous=True: a fixed place is the same for all keys")
        self._to = None if to is None else _place(to)

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (places go by no clock)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers."""
        for name in (self._lat, self._lon):
            expect(schema, name, NUMBERS, "Distance")
        for name in self._by:
            schema.kind(name)
        after = extended(schema, [Field(self._into, Kind.FLOAT)], "Distance")
        keys, last, to = Keys(self._by, self.counts), _Last(), self._to

        def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
            lat, lon = _degrees(batch, self._lat), _degrees(batch, self._lon)
            if to is not None:
                metres = haversine(lat, lon, np.float64(to[0]), np.float64(to[1]))
            else:
                slots, gone = keys(batch)
                last.make_room(keys.size, gone)
                metres = last(lat, lon, slots)
            return Batch(after, (*batch.columns, metres))

        return Bound(after, step)


def _place(to: object) -> tuple[float, float]:
    if isinstance(to, (tuple, list)) and len(to) == 2 and all(map(is_number, to)):  # noqa: PLR2004
        lat, lon = to
        if abs(lat) <= 90 and abs(lon) <= 180:  # noqa: PLR2004  (degrees)
            return float(lat), float(lon)
    raise SettingError(f"to is a place, (latitude, longitude) in degrees; got {quote(to)}")


def haversine(
    lat: Degrees, lon: Degrees, other_lat: Degrees | np.float64, other_lon: Degrees | np.float64
) -> npt.NDArray[np.float64]:
    """Return the metres between places, given in degrees."""
    a, b = np.radians(lat), np.radians(other_lat)
    with np.errstate(invalid="ignore"):  # infinities are no places: NaN
        half = np.sin((a - b) / 2) ** 2
        half += np.cos(a) * np.cos(b) * np.sin(np.radians(lon - other_lon) / 2) ** 2
    metres: npt.NDArray[np.float64] = 2 * EARTH_M * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    return metres


class _Last:
    """The last known place of each slot."""

    def __init__(self) -> None:
        self._lat, self._lon = np.zeros(0), np.zeros(0)

    def make_room(self, size: int, gone: Places) -> None:
        """Have `size` slots, and no place in those that are `gone`."""
        self._lat, self._lon = grown(self._lat, size, np.nan), grown(self._lon, size, np.nan)
        self._lat[gone] = np.nan

    def __call__(self, lat: Degrees, lon: Degrees, slots: Places) -> npt.NDArray[np.float64]:
        """Return how far each place is from the one before it in its slot."""
        metres = np.full(len(lat), np.nan)
        known = np.flatnonzero(np.isfinite(lat) & np.isfinite(lon))
        if not len(known):
            return metres
        groups = grouped(slots[known])
        rows = known[groups.order]
        before_lat, before_lon = np.roll(lat[rows], 1), np.roll(lon[rows], 1)
        begins = groups.begin[groups.ends]
        before_lat[begins], before_lon[begins] = self._lat[groups.slots], self._lon[groups.slots]
        metres[rows] = haversine(lat[rows], lon[rows], before_lat, before_lon)
        last = rows[groups.ends]
        self._lat[groups.slots], self._lon[groups.slots] = lat[last], lon[last]
        return metres
