"""What is drawn looks like what came: at most one pixel column apart, a bucket being a column.

On the screen the columns lie anywhere over the grid of the buckets, and a bucket can straddle two:
then the line between two buckets, drawn from peak to peak, is up to two apart, and with
`quality="high"`, which draws last and first, one.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.viewport import Viewport
from livewidget.view.view import View

HEIGHT = 50  # pixels


def raster(points, width):
    """The pixels (column, row) that a line through `points` inks; NaN breaks it."""
    inked = set()
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], (0, math.nan)], strict=True):
        if math.isnan(y0):
            continue
        inked.add((int(x0 // width), math.floor(y0)))
        if math.isnan(y1):
            continue
        for column in range(int(x0 // width), int(x1 // width) + 1):
            ends = [min(max(edge, x0), x1) for edge in (column * width, (column + 1) * width)]
            ys = [y0 + (y1 - y0) * (x - x0) / (x1 - x0) for x in ends] if x1 > x0 else [y0, y1]
            low, high = math.floor(min(ys)), math.floor(max(ys))
            inked |= {(column, row) for row in range(low, high + 1)}
    return inked


def strays(left, right, columns=1):
    """Pixels of `left` with none of `right` in their column or in so many beside it.

    A row of tolerance is for rounding: a line that runs along the edge of two rows is in either.
    """
    return {
        (column, row)
        for column, row in left
        if not any(
            (column + d, row + e) in right for d in range(-columns, columns + 1) for e in (0, -1, 1)
        )
    }


def shown(times, values, width, cuts, *, every=False):
    view = View(1, ["y"], window=10**9, every=every)
    view.look(Viewport(10**9 // width), 10**9)
    view.rebuild(times[:0], values[:, :0])
    for low, high in zip([0, *cuts], [*cuts, len(times)], strict=True):
        view.append(times[low:high], values[:, low:high])
        view.frame(str)
    frame = view.frame(str, snapshot=True)
    assert view.width == width
    return [
        (x + frame.origin, y)
        for x, y in zip(frame.series[0].x.tolist(), frame.series[0].y.tolist(), strict=True)
    ]


HEIGHTS = st.one_of(st.integers(0, 4 * HEIGHT).map(lambda y: y / 4), st.just(0.0))
STEPS = st.one_of(st.integers(0, 30), st.integers(0, 3), st.integers(50, 500))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(STEPS, HEIGHTS), min_size=1, max_size=80),
    st.sampled_from([1, 10, 100]),
    st.data(),
)
def test_drawn_and_raw_differ_by_at_most_one_column(samples, width, data):
    times = np.cumsum([step for step, _ in samples])
    values = np.array([[value for _, value in samples]])
    cuts = sorted(data.draw(st.sets(st.integers(1, len(times)), max_size=4)) - {len(times)})
    drawn = raster(shown(times, values, width, cuts), width)
    raw = raster(list(zip(times.tolist(), values[0].tolist(), strict=True)), width)
    assert not strays(raw, drawn)
    assert not strays(drawn, raw)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(STEPS, HEIGHTS), min_size=1, max_size=80),
    st.sampled_from([10, 100]),
    st.floats(0, 1, exclude_max=True),
    st.booleans(),
)
def test_wherever_the_columns_lie_it_is_one_or_two(samples, width, phase, high):
    times = np.cumsum([step for step, _ in samples])
    values = np.array([[value for _, value in samples]])
    moved = [(x + phase * width, y) for x, y in shown(times, values, width, [], every=high)]
    drawn = raster(moved, width)
    exact = zip((times + phase * width).tolist(), values[0].tolist(), strict=True)
    raw, apart = raster(list(exact), width), 1 if high else 2
    assert not strays(raw, drawn, apart)
    assert not strays(drawn, raw, apart)


@pytest.mark.parametrize(
    "heights",
    [[0, 9, 0], [5, 9, 0, 4], [9, 0, 9]],
    ids=["a spike up", "a zigzag", "a spike down"],
)
def test_a_burst_after_a_silence_does_not_drag_its_spike_along(heights):
    """Between buckets that are not neighbours the line leaves from the last, not from a peak."""
    burst = [(i, y) for i, y in enumerate(heights)]
    samples = burst + [(1000 + x, y) for x, y in burst] + [(2000, heights[0])]
    times = np.array([x for x, _ in samples])
    values = np.array([[float(y) for _, y in samples]])
    drawn = shown(times, values, 10, [2, 3, 5])
    assert not strays(raster(drawn, 10), raster(samples, 10))


def test_two_values_of_one_time_are_both_drawn():
    times, values = np.array([5, 5, 5]), np.array([[3.0, 9.0, 1.0]])
    assert {y for _, y in shown(times, values, 10, [])} >= {1.0, 9.0}
