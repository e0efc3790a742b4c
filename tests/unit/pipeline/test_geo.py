"""Cells and distances against the textbook, and against places that are known."""

import math
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.geo import EARTH_M, Cell, Distance, geohash
from livewidget.testing import ManualClock

from .streams import column, run

SCHEMA = Schema.of({"time": "time", "key": "text", "lat": "float", "lon": "float"}, "time")
LETTERS = "0123456789bcdefghjkmnpqrstuvwxyz"


def textbook(lat, lon, letters):
    """The geohash of one place, by halving one range after the other."""
    ranges = {"lon": [-180.0, 180.0], "lat": [-90.0, 90.0]}
    bits = []
    for turn in range(5 * letters):
        name, value = ("lat", lat) if turn % 2 else ("lon", lon)
        low, high = ranges[name]
        middle = (low + high) / 2
        bits.append(value >= middle)
        ranges[name] = [middle, high] if value >= middle else [low, middle]
    words = [bits[at : at + 5] for at in range(0, len(bits), 5)]
    return "".join(LETTERS[sum(bit << 4 - n for n, bit in enumerate(word))] for word in words)


PLACES = st.lists(
    st.tuples(
        st.floats(-90, 90) | st.sampled_from([0.0, -1e-20, 45.0, 90.0, -90.0, 11.25]),
        st.floats(-180, 180) | st.sampled_from([0.0, -1e-20, 45.0, 180.0, -180.0, 5.625]),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=300, deadline=None)
@given(PLACES, st.integers(1, 12))
@example([(57.64911, 10.40744)], 11)
def test_a_cell_is_what_the_textbook_says(places, letters):
    lat, lon = np.array(places).T
    expected = [textbook(*place, letters) for place in places]
    assert geohash(lat, lon, letters).decode().tolist() == expected


def test_a_cell_that_is_known():
    known = geohash(np.array([57.64911, -25.382708]), np.array([10.40744, -49.265506]), 11)
    assert known.decode().tolist() == ["u4pruydqqvj", "6gkzwgjzn82"]


def batch_of(places):
    keys, lats, lons = zip(*places, strict=True)
    times = np.arange(len(places), dtype=np.int64)
    columns = (times, Text.encode(keys), np.array(lats, float), np.array(lons, float))
    return Batch(SCHEMA, columns)


def test_a_place_that_is_missing_or_nowhere_has_no_cell():
    batch = batch_of([("a", 1, 2), ("a", np.nan, 2), ("a", 91, 0), ("a", 0, -181), ("a", 0, 1e300)])
    out, _ = run(Cell(precision=3), [batch])
    assert column(out, "cell") == [textbook(1, 2, 3), None, None, None, None]


@pytest.mark.parametrize(
    ("size_m", "letters"), [(6e6, 1), (5e6, 2), (40_000, 4), (5_000, 5), (4_000, 6), (0.04, 12)]
)
def test_a_size_is_the_most_that_a_cell_measures(size_m, letters):
    out, _ = run(Cell(size_m=size_m), [batch_of([("a", 1, 2)])])
    assert len(out[0]["cell"]) == letters


def metres(one, other):
    """The angle between two vectors from the middle of the Earth, times its radius."""

    def vector(place):
        lat, lon = map(math.radians, place)
        return np.array(
            [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)]
        )

    a, b = vector(one), vector(other)
    return EARTH_M * math.atan2(np.linalg.norm(np.cross(a, b)), a @ b)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([None, "a", "b"]),
        st.floats(-90, 90) | st.just(math.nan),
        st.floats(-180, 180) | st.just(math.nan),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.booleans(), st.integers(1, 29))
def test_a_step_is_from_the_last_known_place_of_its_key(steps, by, cut):
    batches = [batch_of(part) for part in (steps[:cut], steps[cut:]) if part]
    out, _ = run(Distance(previous=True, by="key" if by else None), batches)
    last, expected = {}, []
    for key, *place in steps:
        group = key if by else None
        if math.isnan(sum(place)):
            expected.append(None)
            continue
        expected.append(metres(last[group], place) if group in last else None)
        last[group] = place
    for own, slow in zip(column(out, "distance_m"), expected, strict=True):
        # near the antipode the haversine is good to some ten centimetres
        assert own == (None if slow is None else pytest.approx(slow, abs=0.5))


def test_a_distance_to_a_fixed_place():
    batch = batch_of(
        [("a", 52.5200, 13.4050), ("a", np.nan, 0), ("a", 48.8566, 2.3522), ("a", np.inf, 0)]
    )
    out, _ = run(Distance(to=(48.8566, 2.3522), into="to_paris"), [batch])
    far, nowhere, here, beyond = column(out, "to_paris")
    assert far == pytest.approx(877_460, abs=50)
    assert nowhere is beyond is None
    assert here == 0


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (Cell, "one of them"),
        (lambda: Cell(precision=3, size_m=3), "one of them"),
        (lambda: Cell(precision=13), "precision is 12 at most; got 13"),
        (lambda: Cell(precision=0), "precision is a whole number, 1 or more; got 0"),
        (lambda: Cell(size_m=-1), "size_m is a length above 0"),
        (lambda: Cell(size_m="near"), "size_m is a length above 0"),
        (lambda: Cell(size_m=0.001), "size_m is 0.04 m at least"),
        (Distance, "one of them"),
        (lambda: Distance(to=(1, 2), previous=True), "one of them"),
        (lambda: Distance(to=(1, 2), by="key"), "by is for previous=True"),
        (lambda: Distance(to=(91, 2)), "got (91, 2)"),
        (lambda: Distance(to="Paris"), "got 'Paris'"),
    ],
)
def test_a_setting_that_cannot_be_is_told_at_once(make, told):
    with pytest.raises(SettingError, match=re.escape(told)):
        make()


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        (Cell("y", "x", precision=2), "no column 'y'"),
        (Cell("key", "lon", precision=2), "'key' is 'text'"),
        (Cell(precision=2, into="lat"), "adds a column 'lat'"),
        (Distance(previous=True, by="who"), "no column 'who'"),
        (Distance("lat", "time", to=(1, 2)), "'time' is 'time'"),
    ],
)
def test_a_column_that_does_not_fit_is_told_when_it_is_bound(operator, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        operator.bind(SCHEMA, ManualClock())
