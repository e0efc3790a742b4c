"""The histogram: quantiles within the stated error, merging, the same one by one and in bulk."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.monitor.histogram import ANCHOR, BUCKETS, ERROR, Cells, Snapshot, edge

VALUES = st.lists(
    st.floats(1e-9, 1e9) | st.sampled_from([edge(place) for place in range(1, BUCKETS, 7)]),
    min_size=1,
    max_size=60,
)
ANY = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40)


def of(values):
    cells = Cells()
    cells.add_many(values)
    return cells.read()


def same(a, b):
    return (
        (a.counts == b.counts).all()
        and a.total == b.total
        and a.max == b.max
        and (math.isclose(a.sum, b.sum, rel_tol=1e-9, abs_tol=1e-9) or a.sum != a.sum)
    )


@settings(deadline=None, max_examples=80)
@given(VALUES, st.floats(0, 1))
def test_a_quantile_is_within_the_stated_error_of_the_sample_of_that_rank(values, q):
    truth = np.percentile(values, 100 * q, method="inverted_cdf")
    assert abs(of(values).quantile(q) - truth) <= truth * (ERROR + 1e-9)


@settings(deadline=None, max_examples=60)
@given(ANY)
def test_one_by_one_is_as_in_bulk(values):
    cells = Cells()
    for value in values:
        cells.add(value)
    with np.errstate(invalid="ignore"):
        bulk = of(values)
    assert same(cells.read(), bulk)
    assert bulk.total == sum(not math.isnan(value) for value in values)


@settings(deadline=None, max_examples=40)
@given(VALUES, VALUES, VALUES)
def test_merging_is_associative_and_is_the_histogram_of_all(a, b, c):
    one, two, three = of(a), of(b), of(c)
    left, right = one.merge(two).merge(three), one.merge(two.merge(three))
    assert same(left, right)
    assert same(left, of([*a, *b, *c]))
    assert same(left.merge(Snapshot.empty()), left)


@settings(deadline=None, max_examples=40)
@given(VALUES, VALUES)
def test_what_came_since_is_what_came_since(before, after):
    cells = Cells()
    cells.add_many(before)
    first = cells.read()
    cells.add_many(after)
    since = cells.read().since(first)
    alone = of(after)
    assert (since.counts == alone.counts).all()
    assert since.total == alone.total
    assert abs(since.max - alone.max) <= alone.max * (ERROR + 1e-9)


def test_seconds_have_edges_at_milliseconds_and_an_edge_is_in_the_bucket_that_it_closes():
    snapshot = of([0.001, 0.002, 0.0020001, 0.004, 0.032])
    assert snapshot.below(range(6)) == [1, 2, 4, 4, 4, 5]
    assert edge(BUCKETS) == ANCHOR * 2**44


def test_nothing_zero_and_what_is_beyond_all_edges():
    empty = Snapshot.empty()
    assert math.isnan(empty.quantile(0.5))
    assert math.isnan(of([math.nan]).quantile(0.5))
    assert of([0.0, -3.0]).quantile(0.5) <= 0.0
    assert of([1e30, 2e30]).quantile(0.5) == 2e30
    assert of([math.inf]).max == math.inf
