"""Quantiles of many cells at once, exact for few values and sketched for many, mergeable.

The merging t-digest (Dunning and Ertl, "Computing extremely accurate quantiles using t-digests",
2019) with the scale function k1, whose clusters are small near both ends. Values wait in a buffer,
one row a cell, and become clusters only where that is full: a cell that never was gives the exact
quantile, as `numpy.percentile` does. Clusters lie on a fixed grid of the scale, so that all cells
are compressed in one go.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

CLUSTERS = 128  # of a cell: one covers at most 1.3 % of the ranks at the median, 0.25 % at p99
MOST_BUFFERED = 1024  # values of a cell before they become clusters
_LEAST_BUFFERED = 32
_MOST_VALUES = 4_000_000  # of the buffers of all cells, beyond the least: 32 MB
_FIRST_WIDTH = 8

# Where clusters begin and end, as shares of the ranks: even steps of k1.
_EDGES = (1 - np.cos(np.pi * np.arange(CLUSTERS + 1) / CLUSTERS)) / 2

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Arrays = dict[str, npt.NDArray[Any]]


def blank(cells: int) -> Arrays:
    """Return the digests of so many cells without a value.

    `buffer`: float64[cells, width], of which `fill` are taken; `means` and `weights`:
    float64[cells, 0 or CLUSTERS]; `low` and `high`: the extremes of what was compressed.
    """
    return {
        "buffer": np.zeros((cells, 0)),
        "fill": np.zeros(cells, dtype=np.int64),
        "means": np.zeros((cells, 0)),
        "weights": np.zeros((cells, 0)),
        "low": np.full(cells, np.inf),
        "high": np.full(cells, -np.inf),
    }


def grown(state: Arrays, cells: int) -> Arrays:
    """Return digests with room for `cells`; those that are new have no value."""
    more = blank(cells - len(state["fill"]))
    for name in ("buffer", "means", "weights"):
        more[name] = np.zeros((len(more["fill"]), state[name].shape[1]))
    return {name: np.concatenate([own, more[name]]) for name, own in state.items()}


def clear(state: Arrays, cells: Places) -> None:
    """Have some cells be without a value."""
    state["fill"][cells] = 0
    state["weights"][cells] = 0.0
    state["low"][cells], state["high"][cells] = np.inf, -np.inf


def add(state: Arrays, cells: Places, values: Floats, begins: Places, counts: Places) -> None:
    """Add values, side by side by cell: float64[n], none of them NaN; `cells` has no doubles."""
    if not len(values):
        return
    fill = state["fill"][cells]
    most = min(MOST_BUFFERED, max(_LEAST_BUFFERED, _MOST_VALUES // len(state["fill"])))
    _widen(state, int((fill + counts).max()), most)
    width = state["buffer"].shape[1]
    over = fill + counts > width
    if over.any():
        runs = np.flatnonzero(over)
        longer = int(counts[runs].max())
        places = np.arange(longer)
        rows = begins[runs, None] + np.minimum(places, counts[runs, None] - 1)
        there = places < counts[runs, None]
        _compress(state, cells[runs], values[rows], there)
        keep = np.repeat(~over, counts)
        cells, counts, fill = cells[~over], counts[~over], fill[~over]
        values = values[keep]
        begins = np.cumsum(counts) - counts
    if len(values):
        at = np.repeat(cells * width + fill - begins, counts)
        at += np.arange(len(values))
        state["buffer"].reshape(-1)[at] = values
        state["fill"][cells] += counts


def merge(state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
    """Add the cells `others` of other digests to `cells` of these; both have no doubles."""
    plain = ~(other["weights"][others] > 0).any(axis=1)
    if plain.any():
        own, width = others[plain], other["buffer"].shape[1]
        counts = other["fill"][own]
        some = counts > 0
        there = np.arange(width) < counts[some, None]
        values = other["buffer"][own[some]][there]
        counts = counts[some]
        add(state, cells[plain][some], values, np.cumsum(counts) - counts, counts)
    if not plain.all():
        own, mine = others[~plain], cells[~plain]
        low, high = _extremes(other, own)
        state["low"][mine] = np.minimum(state["low"][mine], low)
        state["high"][mine] = np.maximum(state["high"][mine], high)
        _compress(state, mine, *_entries(other, own))


def quantile(state: Arrays, cells: Places, share: float) -> Floats:
    """Return the quantile of each cell, NaN of one without a value; `share` is from 0 to 1."""
    found = np.full(len(cells), np.nan)
    packed = (state["weights"][cells] > 0).any(axis=1)
    exact = np.flatnonzero(~packed & (state["fill"][cells] > 0))
    if len(exact):
        found[exact] = _of_values(state, cells[exact], share)
    if packed.any():
        found[packed] = _of_clusters(state, cells[packed], share)
    return found


def _of_values(state: Arrays, cells: Places, share: float) -> Floats:
    fill = state["fill"][cells]
    width = int(fill.max())
    values = state["buffer"][cells, :width]
    values[np.arange(width) >= fill[:, None]] = np.inf
    values.sort(axis=1)
    place = (fill - 1) * share
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, fill - 1)
    each = np.arange(len(cells))
    return _between(values[each, low], values[each, high], place - low)


def _of_clusters(state: Arrays, cells: Places, share: float) -> Floats:
    values, weights = _sorted(*_entries(state, cells))
    low, high = _extremes(state, cells)
    total = weights.sum(axis=1)
    centres = np.cumsum(weights, axis=1) - weights / 2
    aim = (total - 1) * share + 0.5
    after = ((centres <= aim[:, None]) & (weights > 0)).sum(axis=1)
    each, count = np.arange(len(cells)), (weights > 0).sum(axis=1)
    before = np.maximum(after - 1, 0)
    right = np.minimum(after, count - 1)
    start = np.where(after > 0, centres[each, before], 0.5)
    stop = np.where(after < count, centres[each, right], total - 0.5)
    left_value = np.where(after > 0, values[each, before], low)
    right_value = np.where(after < count, values[each, right], high)
    span = stop - start
    part = np.where(span > 0, (aim - start) / np.where(span > 0, span, 1.0), 0.0)
    return _between(left_value, right_value, np.clip(part, 0.0, 1.0))


def _between(left: Floats, right: Floats, part: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where(left == right, left, left + (right - left) * part)


def _extremes(state: Arrays, cells: Places) -> tuple[Floats, Floats]:
    """Return the least and the greatest value of each cell, those in the buffer among them."""
    fill = state["fill"][cells]
    width = int(fill.max(initial=0))
    there = np.arange(width) < fill[:, None]
    buffer = state["buffer"][cells, :width]
    low = np.where(there, buffer, np.inf).min(axis=1, initial=np.inf)
    high = np.where(there, buffer, -np.inf).max(axis=1, initial=-np.inf)
    return np.minimum(low, state["low"][cells]), np.maximum(high, state["high"][cells])


def _entries(state: Arrays, cells: Places) -> tuple[Floats, Floats]:
    """Return clusters and buffered values of cells as one list each, with their weights."""
    fill = state["fill"][cells]
    width = int(fill.max(initial=0))
    values = np.concatenate([state["means"][cells], state["buffer"][cells, :width]], axis=1)
    there = (np.arange(width) < fill[:, None]).astype(np.float64)
    return values, np.concatenate([state["weights"][cells], there], axis=1)


def _sorted(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return both by rising value, what weighs nothing last."""
    values = np.where(weights > 0, values, np.inf)
    order = np.argsort(values, axis=1)
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(weights, order, axis=1)


def _compress(
    state: Arrays, cells: Places, values: Floats, weights: Floats | npt.NDArray[np.bool_]
) -> None:
    """Make clusters of what cells hold, and of further values: float64[cells, n] each.

    Further ones that weigh 1 each, or nothing, are told by `weights` of bool.
    """
    if not state["means"].shape[1]:
        state["means"] = np.zeros((len(state["fill"]), CLUSTERS))
        state["weights"] = np.zeros((len(state["fill"]), CLUSTERS))
    fill = state["fill"][cells]
    width = int(fill.max(initial=0))
    single = state["buffer"][cells, :width]
    single[np.arange(width) >= fill[:, None]] = np.inf
    counts = fill
    parts = [(state["means"][cells], state["weights"][cells])]
    if weights.dtype == bool:
        single = np.concatenate([single, np.where(weights, values, np.inf)], axis=1)
        counts = fill + weights.sum(axis=1)
    else:
        parts.append((values, weights.astype(np.float64, copy=False)))
    single.sort(axis=1)
    parts.append(_of_singles(single, counts))
    means, sums = (np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
    state["means"][cells], state["weights"][cells] = _gridded(means, sums)
    some = np.flatnonzero(counts)
    if len(some):
        at = cells[some]
        state["low"][at] = np.minimum(state["low"][at], single[some, 0])
        state["high"][at] = np.maximum(state["high"][at], single[some, counts[some] - 1])
    state["fill"][cells] = 0


def _of_singles(values: Floats, counts: Places) -> tuple[Floats, Floats]:
    """Return the clusters of values that weigh 1 each: the first `counts` of each sorted row."""
    # The places at which clusters begin: a rank is of the cluster that its middle falls into.
    edges = np.ceil(counts[:, None] * _EDGES - 0.5).astype(np.intp)
    weights = np.diff(edges, axis=1)
    if not values.size:
        return np.zeros(weights.shape), weights.astype(np.float64)
    each = np.arange(len(values))[:, None]
    flat = np.minimum(edges[:, :-1] + each * values.shape[1], values.size - 1)
    last = values[each[:, 0], np.maximum(counts - 1, 0)]
    whole = bool(np.isfinite(values[:, 0]).all() and np.isfinite(last).all())
    plain = values if whole else np.where(np.isinf(values), 0.0, values)
    sums = np.add.reduceat(plain.reshape(-1), flat.reshape(-1)).reshape(weights.shape)
    means = np.where(weights > 0, sums / np.maximum(weights, 1), 0.0)
    if not whole:
        means = _with_infinite(means, values, edges)
    return means, weights.astype(np.float64)


def _with_infinite(means: Floats, values: Floats, edges: Places) -> Floats:
    """Return the means, infinite where a cluster begins or ends with an infinite value."""
    each = np.arange(len(values))[:, None]
    first = values[each, np.minimum(edges[:, :-1], values.shape[1] - 1)]
    last = values[each, np.maximum(edges[:, 1:] - 1, 0)]
    means = np.where(np.isneginf(first), first, means)
    return np.where(np.isposinf(last) & (np.diff(edges, axis=1) > 0), last, means)


def _gridded(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return clusters on the grid of those that are given, float64[cells, CLUSTERS] each."""
    values, weights = _sorted(values, weights)
    values = np.where(weights > 0, values, 0.0)
    total = weights.sum(axis=1, keepdims=True)
    middle = (np.cumsum(weights, axis=1) - weights / 2) / total
    scale = np.arcsin(np.clip(2 * middle - 1, -1.0, 1.0)) / np.pi + 0.5
    cluster = np.minimum((scale * CLUSTERS).astype(np.intp), CLUSTERS - 1)
    size = len(values) * CLUSTERS
    flat = (cluster + np.arange(len(values))[:, None] * CLUSTERS).reshape(-1)
    weight = np.bincount(flat, weights.reshape(-1), size).astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(flat, (values * weights).reshape(-1), size) / weight
    return mean.reshape(-1, CLUSTERS), weight.reshape(-1, CLUSTERS)


def _widen(state: Arrays, needed: int, most: int) -> None:
    """Have room in the buffers for what is needed, as far as that is allowed."""
    width = state["buffer"].shape[1]
    if needed <= width or width >= most:
        return
    wider = max(_FIRST_WIDTH, width)
    while wider < min(needed, most):
        wider *= 2
    wider = min(wider, most)
    room = np.zeros((len(state["fill"]), wider))
    room[:, :width] = state["buffer"]
    state["buffer"] = room
