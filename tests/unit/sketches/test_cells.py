"""Sketches of many cells: quantiles and distinct counts, beyond what they know exactly."""

from __future__ import annotations

import numpy as np
import pytest

from livewidget.sketches import hll, tdigest

CELLS = 3
SHARES = (0.0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0)
DRAWS = {
    "normal": lambda rng, size: rng.normal(size=size),
    "heavy tails": lambda rng, size: rng.standard_t(1.2, size=size),
    "few values": lambda rng, size: rng.integers(0, 5, size).astype(float),
    "rising": lambda _, size: np.arange(size, dtype=float),
    "log-normal": lambda rng, size: rng.lognormal(sigma=3, size=size),
}


def by_cell(cells, values):
    """Return what `add` takes: cells without doubles, and their values side by side."""
    order = np.argsort(cells, kind="stable")
    own, begins, counts = np.unique(cells[order], return_index=True, return_counts=True)
    return own, values[order], begins, counts


def check(found, values, share):
    """A quantile lies where its rank is, within a percent; a tenth of that near the ends."""
    ordered = np.sort(values)
    low = np.searchsorted(ordered, found - 1e-9 * abs(found), "left") / len(values)
    high = np.searchsorted(ordered, found + 1e-9 * abs(found), "right") / len(values)
    bound = max(0.01 if 0.05 <= share <= 0.95 else 0.001, 1.5 / len(values))
    assert low - bound <= share <= high + bound, (share, low, high)


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("merged", [False, True])
def test_a_quantile_lies_where_its_rank_is(kind, merged):
    rng = np.random.default_rng(7)
    values = DRAWS[kind](rng, 30_000)
    cells = rng.integers(0, CELLS, len(values))
    state, begin = tdigest.blank(CELLS), 0
    while begin < len(values):
        stop = begin + int(rng.integers(1, 3_000))
        own = by_cell(cells[begin:stop], values[begin:stop])
        if merged:
            other = tdigest.blank(CELLS)
            tdigest.add(other, *own)
            tdigest.merge(state, np.arange(CELLS), other, np.arange(CELLS))
        else:
            tdigest.add(state, *own)
        begin = stop
    for share in SHARES:
        for cell, found in enumerate(tdigest.quantile(state, np.arange(CELLS), share)):
            check(found, values[cells == cell], share)
    assert state["means"].shape == (CELLS, tdigest.CLUSTERS)


def test_a_cell_that_was_never_full_is_exact_beside_one_that_was():
    rng = np.random.default_rng(2)
    few, many = rng.normal(size=500), rng.normal(size=20_000)
    state = tdigest.blank(2)
    tdigest.add(state, *by_cell(np.ones(20_000, dtype=int), many))
    tdigest.add(state, *by_cell(np.zeros(500, dtype=int), few))
    for share in SHARES:
        found = tdigest.quantile(state, np.arange(2), share)
        assert found[0] == pytest.approx(np.percentile(few, 100 * share), abs=1e-12)
        check(found[1], many, share)


def test_infinite_values_stand_at_the_ends():
    values = np.concatenate([np.full(500, -np.inf), np.arange(4_000.0), np.full(500, np.inf)])
    state = tdigest.blank(1)
    for part in np.array_split(np.random.default_rng(1).permutation(values), 9):
        tdigest.add(state, *by_cell(np.zeros(len(part), dtype=int), part))
    found = [tdigest.quantile(state, np.array([0]), share)[0] for share in (0.01, 0.5, 0.99)]
    assert found == [-np.inf, pytest.approx(2_000, rel=0.02), np.inf]


def test_the_memory_goes_with_cells_and_not_with_values():
    state, rng = tdigest.blank(CELLS), np.random.default_rng(3)
    sizes = []
    for _ in range(40):
        cells = rng.integers(0, CELLS, 5_000)
        tdigest.add(state, *by_cell(cells, rng.normal(size=5_000)))
        sizes.append(sum(array.nbytes for array in state.values()))
    assert sizes[-1] == sizes[1]


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("different", [10, 127, 1_000, 20_000, 300_000])
def test_different_values_are_counted_within_three_standard_errors(different, merged):
    rng = np.random.default_rng(different)
    values = rng.permutation(np.concatenate([np.arange(different), np.arange(different // 2)]))
    cells = np.arange(len(values)) % 2  # the second cell has the numbers from a half on
    state = hll.blank(2)
    for part in np.array_split(np.arange(len(values)), 7):
        own, hashes, _, counts = by_cell(cells[part], hll.hashes_of(values[part].astype(float)))
        if merged:
            other = hll.blank(2)
            hll.add(other, own, hashes, counts)
            hll.merge(state, np.arange(2), other, np.arange(2))
        else:
            hll.add(state, own, hashes, counts)
    for cell, found in enumerate(hll.count(state, np.arange(2))):
        true = len(np.unique(values[cells == cell]))
        error = 0 if true <= hll.MOST_EXACT // 2 else 3 * 1.04 / np.sqrt(hll.REGISTERS) * true
        assert abs(found - true) <= error


def test_zero_has_one_hash():
    assert len(set(hll.hashes_of(np.array([0.0, -0.0])).tolist())) == 1
