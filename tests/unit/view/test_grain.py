"""Fewer buckets a pixel, or more points of each, while data goes on."""

import numpy as np
import pytest

from livewidget.data.viewport import Viewport
from livewidget.view.view import View

SECOND = 1_000_000_000


def full(width=100):
    view = View(1, ["a"], window=10 * SECOND)
    view.look(Viewport(width), 10 * SECOND)
    view.rebuild(*rows(0, 10))
    return view


def rows(start, stop):
    times = np.arange(start * 1000, stop * 1000) * 1_000_000
    return times, np.sin(times / 1e7)[None]


def points(frame):
    return sum(len(series.x) for series in frame.series)


def test_half_a_bucket_a_pixel_is_half_the_points():
    view = full(width=400)
    whole = view.frame(str)
    view.grain(0.5)
    assert view.stale
    view.rebuild(*rows(0, 10))
    half = view.frame(str)
    assert half.snapshot
    assert half.generation > whole.generation
    assert points(half) < 0.55 * points(whole)
    view.grain(0.5, coarser=1)
    view.rebuild(*rows(0, 10))
    assert points(view.frame(str)) < 0.55 * points(half)


def test_a_narrow_picture_keeps_the_shape_of_its_lines():
    for width, kept in ((60, 60), (150, 100), (2000, 250)):
        view = full(width)
        view.grain(0.25, coarser=1)
        assert 10 * SECOND / view.width == pytest.approx(kept, rel=0.02)


def test_a_grain_that_gives_the_same_buckets_needs_no_rebuild():
    view = full(150)  # whose buckets are the fewest that it is drawn with
    view.grain(0.25)
    assert view.stale
    view.rebuild(*rows(0, 10))
    view.frame(str)
    view.grain(0.25, coarser=1)
    assert not view.stale
    assert view.frame(str) is None
    view.look(Viewport(2000), 10 * SECOND)  # where it does make a difference
    assert 10 * SECOND / view.width == pytest.approx(250, rel=0.02)


def test_more_of_each_bucket_needs_no_rebuild():
    view = full()
    ordinary = view.frame(str)
    view.grain(1.0, every=True)
    assert not view.stale
    every = view.frame(str)
    assert every.snapshot
    assert points(every) > 1.5 * points(ordinary)
    view.append(*rows(10, 11))
    assert not view.frame(str).snapshot


def test_the_same_grain_changes_nothing():
    view = full()
    first = view.frame(str)
    view.grain(1.0)
    assert not view.stale
    assert view.frame(str) is None
    view.append(*rows(10, 11))
    assert view.frame(str).generation == first.generation
