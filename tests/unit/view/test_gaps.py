"""A gap of the source is a gap in the line, however gap and rows came."""

import math

import numpy as np
import pytest

from livewidget.data.viewport import Viewport
from livewidget.view.view import View


def view_of(**options):
    view = View(1, ["y"], window=1000, **options)
    view.look(Viewport(100), 1000)
    keys = np.empty(0, dtype=np.int32) if options else None
    view.rebuild(np.empty(0, dtype=np.int64), np.empty((1, 0)), keys)
    return view


def feed(view, times, *, keys=None, gaps=()):
    times = np.array(times, dtype=np.int64)
    codes = None if keys is None else np.array(keys, dtype=np.int32)
    view.append(times, times[None].astype(float) + 1.0, codes, gaps=gaps)


def lines(view):
    """Each series as strokes: lists of x."""
    frame = view.frame(str, snapshot=True)
    found = []
    for diff in frame.series:
        strokes = [[]]
        for x, y in zip((diff.x + frame.origin).tolist(), diff.y.tolist(), strict=True):
            if math.isnan(y):
                strokes.append([])
            else:
                strokes[-1].append(int(x))
        found.append(strokes)
    return found


def test_a_gap_within_the_rows_of_one_append():
    view = view_of()
    feed(view, [0, 100, 400, 500], gaps=[400])
    assert lines(view) == [[[0, 100], [400, 500]]]


def test_a_gap_that_is_told_before_its_first_row():
    view = view_of()
    feed(view, [0, 100], gaps=[400])
    feed(view, [400, 500])
    assert lines(view) == [[[0, 100], [400, 500]]]


def test_a_gap_that_is_told_with_no_row_at_all():
    view = view_of()
    feed(view, [0, 100])
    feed(view, [], gaps=[400])
    feed(view, [400, 500])
    assert lines(view) == [[[0, 100], [400, 500]]]


def test_several_gaps_at_once():
    view = view_of()
    feed(view, [0, 100, 200, 300], gaps=[300, 100])
    assert lines(view) == [[[0], [100, 200], [300]]]


@pytest.mark.parametrize("gaps", [[50], [400], [50, 400]])
def test_a_rebuild_breaks_the_line_where_the_appends_did(gaps):
    grown, rebuilt = view_of(), view_of()
    feed(grown, [0, 20])
    feed(grown, [100, 400, 600], gaps=gaps)
    times = np.array([0, 20, 100, 400, 600])
    rebuilt.rebuild(times, times[None] + 1.0, gaps=gaps, ordered=True)
    assert lines(grown) == lines(rebuilt)


def test_a_gap_of_less_than_a_bucket_has_no_room_to_be_seen():
    view = view_of()
    feed(view, [0, 2, 6, 20], gaps=[6])
    assert lines(view) == [[[0, 6, 20]]]


def test_each_key_is_broken_where_it_comes_next():
    view = view_of(keyed=True)
    feed(view, [0, 0], keys=[0, 1])
    feed(view, [400], keys=[0], gaps=[400])
    feed(view, [500, 600], keys=[1, 0])
    assert lines(view) == [[[0], [400, 600]], [[0], [500]]]


def test_what_is_late_lies_before_the_break():
    view = view_of()
    feed(view, [0, 100])
    feed(view, [], gaps=[400])
    feed(view, [50])
    feed(view, [400])
    assert lines(view) == [[[0, 50, 100], [400]]]


def test_no_gap_before_the_first_row():
    view = view_of()
    feed(view, [100, 200], gaps=[50])
    assert lines(view) == [[[100, 200]]]
