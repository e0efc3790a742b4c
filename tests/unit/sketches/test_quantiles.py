"""Sketches of quantiles, against sorted values: within the error, whatever was merged."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from livewidget.sketches.quantiles import ERROR, Sketches, bins_of, joined, ranked, values_of

TINY = 2.3e-308  # below, floats have fewer bits than a bin needs
floats = st.floats(allow_nan=True, allow_infinity=True)
values = arrays(np.float64, st.integers(0, 200), elements=floats | st.floats(-10, 10))
PARTS = (0.0, 0.25, 0.5, 0.95, 0.99, 1.0)


def near(told, exact):
    return told == exact or abs(told - exact) <= ERROR * abs(exact) + TINY


def exact_quantile(known, part):
    return sorted(known)[int(np.floor(part * (len(known) - 1)))]


@settings(deadline=None, max_examples=200)
@given(each=values)
def test_a_bin_tells_its_values_within_the_error(each):
    known = each[~np.isnan(each)]
    assert all(map(near, values_of(bins_of(known)).tolist(), known.tolist()))
    assert (np.diff(bins_of(np.sort(known))) >= 0).all()


@settings(deadline=None, max_examples=150)
@given(data=st.data(), each=values, size=st.integers(1, 5))
def test_each_group_has_its_own_quantiles(data, each, size):
    groups = data.draw(arrays(np.int64, len(each), elements=st.integers(0, size - 1)))
    sketches = Sketches.of(each, groups, size)
    totals = sketches.totals()
    for part in PARTS:
        told = sketches.quantile(part)
        for group in range(size):
            inside = each[groups == group]
            known = inside[~np.isnan(inside)]
            assert totals[group] == len(known)
            if len(known):
                assert near(told[group], exact_quantile(known, part))
            else:
                assert np.isnan(told[group])


@settings(deadline=None, max_examples=100)
@given(lists=st.lists(values, min_size=1, max_size=4))
def test_merging_sketches_is_sketching_all_values(lists):
    """To the last count, in any order: a mergeable sketch."""
    whole = np.concatenate(lists)
    parts = [Sketches.of(each, np.zeros(len(each), np.int64), 1) for each in lists]
    for order in (parts, parts[::-1]):
        merged = joined(order).regrouped(np.zeros(len(parts), np.int64), 1)
        direct = Sketches.of(whole, np.zeros(len(whole), np.int64), 1)
        for name in ("sizes", "bins", "counts"):
            assert getattr(merged, name).tolist() == getattr(direct, name).tolist()


def test_many_values_take_few_bins():
    prices = np.random.default_rng(1).normal(100, 5, 1_000_000)
    sketches = Sketches.of(prices, np.zeros(len(prices), np.int64), 1)
    assert len(sketches.bins) < 100
    assert near(sketches.quantile(0.99)[0], exact_quantile(prices, 0.99))


@given(codes=arrays(np.int64, st.integers(0, 30), elements=st.integers(-(2**40), 2**40)))
def test_codes_are_ranked(codes):
    places, used = ranked(codes)
    assert used.tolist() == sorted(set(codes.tolist()))
    assert used[places].tolist() == codes.tolist()
