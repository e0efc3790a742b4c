"""Buckets and points against brute force, however the rows came."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.viewport import Viewport
from livewidget.sketches import extremes
from livewidget.view.view import View

from .brute import batches, buckets_of, drawn, same, seen

NONE = np.empty(0, dtype=np.int64)
MOST = 1 << 62
METHODS = {"all at once": (0, MOST), "bucket by bucket": (MOST, MOST)}  # _FEW, _LONG


@pytest.fixture(params=METHODS, scope="module")
def method(request):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(("_FEW", "_LONG"), METHODS[request.param], strict=True):
            patch.setattr(extremes, name, value)
        yield


def view_of(series=2, *, window=300, width=40, span=None, **options):
    view = View(1, [f"y{i}" for i in range(series)], window=window, **options)
    view.look(Viewport(width, span), window)
    return view


def empty(view, series=2):
    keys = NONE.astype(np.int32) if view._keyed else None
    view.rebuild(NONE, np.empty((series, 0)), keys)


def in_reach(view, buckets):
    start, stop = (edge // view.width for edge in view.reach)
    return {place: each for place, each in buckets.items() if start <= place < stop}


def joined(history, line, keep=None):
    times, values = [], []
    for batch_times, batch_values, keys in history:
        rows = slice(None) if keep is None else np.isin(keys, keep)
        times += batch_times[rows].tolist()
        values += batch_values[line][rows].tolist()
    return times, values


def check(view, history):
    for line in range(2):
        wanted = buckets_of(*joined(history, line), view.width)
        found = seen(view.summaries()[0], line)
        assert same(in_reach(view, found), in_reach(view, wanted))


SPANS = st.tuples(st.integers(-100, 600), st.integers(1, 400)).map(lambda e: (e[0], e[0] + e[1]))


@settings(max_examples=60, deadline=None)
@given(batches(), st.integers(1, 500), st.integers(1, 60), st.one_of(st.none(), SPANS), st.data())
def test_the_buckets_in_sight_equal_brute_force(method, history, window, width, span, data):
    view = view_of(window=window, width=width, span=span)
    empty(view)
    for done, (times, values, _) in enumerate(history, 1):
        view.append(times, values)
        if data.draw(st.booleans()):
            view.frame(str)
        check(view, history[:done])


@settings(max_examples=60, deadline=None)
@given(batches(), st.integers(1, 500), st.one_of(st.none(), SPANS))
def test_a_rebuild_holds_what_the_appends_held(history, window, span):
    grown = view_of(window=window, span=span)
    empty(grown)
    for times, values, _ in history:
        grown.append(times, values)
    times = np.concatenate([each for each, _, _ in history])
    values = np.concatenate([each for _, each, _ in history], axis=1)
    for ordered in (False, True):
        rebuilt = view_of(window=window, span=span)
        order = np.argsort(times, kind="stable") if ordered else slice(None)
        rebuilt.expect(int(times.max()))
        rebuilt.rebuild(times[order], values[:, order], ordered=ordered)
        for line in range(2):
            left, right = (seen(each.summaries()[0], line) for each in (grown, rebuilt))
            assert same(in_reach(grown, left), in_reach(rebuilt, right))


@settings(max_examples=60, deadline=None)
@given(batches(keys=5), st.integers(1, 4))
def test_each_key_has_buckets_of_its_own_and_the_rest_share_one(history, most):
    view = view_of(window=10_000, keyed=True, max_keys=most)
    empty(view)
    for times, values, keys in history:
        view.append(times, values, keys)
    own = [key for key in view.summaries() if key >= 0]
    assert len(own) <= most
    for key, summary in view.summaries().items():
        others = [other for other in range(-1, 5) if other not in own]
        rows = joined(history, 0, [key] if key >= 0 else others)
        found = seen(summary, 0)
        assert same(in_reach(view, found), in_reach(view, buckets_of(*rows, view.width)))
    present = {int(key) for _, _, keys in history for key in keys}
    assert view.grouped == len(present - set(own))


def points(frame, line):
    diff = next((each for each in frame.series if each.series == line), None)
    return [] if diff is None else list(zip(diff.x.tolist(), diff.y.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(batches(), st.booleans(), st.integers(1, 60))
def test_a_snapshot_draws_min_and_max_and_what_the_line_needs_between(history, every, width):
    view = view_of(window=100_000, width=width, every=every)
    empty(view)
    for times, values, _ in history:
        view.append(times, values)
        view.frame(str)
    frame = view.frame(str, snapshot=True)
    for line in range(2):
        wanted = drawn(buckets_of(*joined(history, line), view.width), every=every)
        moved = [(float(time - frame.origin), value) for time, value in wanted]
        assert same(points(frame, line), moved)


@pytest.mark.parametrize("size", [1, 2, 3, 4095, 4096, 4097, 10_007])
@pytest.mark.parametrize("width", [1, 3, 1000, 10**9])
def test_awkward_sizes(method, size, width):
    random = np.random.default_rng(size)
    times = np.sort(random.integers(-(10**6), 10**6, size))
    values = random.choice([np.nan, np.inf, -np.inf, 0.0, 1.0, 2.0], size=(1, size))
    values[:, size // 2 :] += np.round(random.normal(size=size - size // 2), 1)
    found = extremes.summarise(times, values, width)
    assert same(seen(found, 0), buckets_of(times.tolist(), values[0].tolist(), width))
