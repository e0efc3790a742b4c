"""Sums of squares and of products about the mean, of windows and of matrices, without loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
_ROUNDING = 4 * np.finfo(np.float64).eps  # of a value: a deviation below it is none


class Related(NamedTuple):
    """Of the sample (n - 1): NaN where there are less than two, or one of them never changes."""

    correlation: Floats
    covariance: Floats
    size: Floats


class _Blocks(NamedTuple):
    """Means and sums about them, of a stretch of rows each."""

    x: Floats
    y: Floats
    xx: Floats
    yy: Floats
    xy: Floats

    def at(self, places: Places) -> _Blocks:
        """Return some of them."""
        return _Blocks(*(each[places] for each in self))

    def halved(self, skip: int, length: int) -> _Blocks:
        """Return each two side by side as one, after the first `skip`; a last odd one is left."""
        stop = skip + (len(self.x) - skip) // 2 * 2
        ones = _Blocks(*(each[skip:stop:2] for each in self))
        others = _Blocks(*(each[skip + 1 : stop : 2] for each in self))
        return _join(ones, length, others, length)


def rolling(x: Floats, y: Floats, starts: Places, sizes: Places, before: int = 0) -> Related:
    """Return how x and y, in which nothing is missing, go together in windows of their rows.

    A window is put together of blocks of 1, 2, 4, ... rows that lie at multiples of their length
    (`before` is how many rows there were before the first), some 2 log2 of its size. Nothing is
    ever taken away again, and how the rows were cut changes not a bit. Two blocks are joined as in
    Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1979).
    """
    begins, ends = before + starts, before + starts + sizes
    lefts, rights = _Sum(len(starts)), _Sum(len(starts))
    blocks, first, length = _Blocks(x, y, *(np.zeros(len(x)) for _ in range(3))), before, 1
    with np.errstate(invalid="ignore", over="ignore"):  # infinities: NaN
        while (begins < ends).any():
            rows = np.flatnonzero((begins & 1 == 1) & (begins < ends))
            lefts.add(rows, blocks.at(begins[rows] - first), length)
            begins[rows] += 1
            rows = np.flatnonzero((ends & 1 == 1) & (begins < ends))
            ends[rows] -= 1
            rights.add(rows, blocks.at(ends[rows] - first), length, ahead=True)
            begins, ends = begins >> 1, ends >> 1
            blocks, first, length = blocks.halved(first & 1, length), (first + 1) >> 1, 2 * length
        total = _join(lefts.blocks, lefts.rows, rights.blocks, rights.rows)
        return _related(total.xy, total.xx, total.yy, sizes.astype(np.float64))


class _Sum:
    """Blocks of many windows, each put together of blocks side by side."""

    def __init__(self, size: int) -> None:
        self.blocks = _Blocks(*(np.zeros(size) for _ in _Blocks._fields))
        self.rows = np.zeros(size, dtype=np.intp)

    def add(self, windows: Places, other: _Blocks, length: int, *, ahead: bool = False) -> None:
        """Put a block of `length` rows behind what some windows have, or ahead of it."""
        own, rows = self.blocks.at(windows), self.rows[windows]
        joined = _join(other, length, own, rows) if ahead else _join(own, rows, other, length)
        for whole, part in zip(self.blocks, joined, strict=True):
            whole[windows] = part
        self.rows[windows] += length


def _join(one: _Blocks, n: Places | int, other: _Blocks, m: Places | int) -> _Blocks:
    """Return the blocks of n rows and of m rows together; either may be 0."""
    share = m / np.maximum(n + m, 1)
    dx, dy = other.x - one.x, other.y - one.y
    weight = n * share
    return _Blocks(
        one.x + dx * share,
        one.y + dy * share,
        one.xx + other.xx + dx * dx * weight,
        one.yy + other.yy + dy * dy * weight,
        one.xy + other.xy + dx * dy * weight,
    )


def lagged(x: Floats, y: Floats, lags: list[int]) -> Related:
    """Return how x goes with what y is so many places later, for each lag, float64[lags].

    In the places in which both are known.
    """
    (x, knows_x, noise_x), (y, knows_y, noise_y) = _centred(x), _centred(y)
    sums = np.zeros((6, len(lags)))
    for place, lag in enumerate(lags):
        size = max(len(x) - abs(lag), 0)
        a, b = slice(max(-lag, 0), max(-lag, 0) + size), slice(max(lag, 0), max(lag, 0) + size)
        one, two, there, other = x[a], y[b], knows_x[a], knows_y[b]
        sums[:, place] = (
            there @ other,
            one @ other,
            there @ two,
            (one * one) @ other,
            there @ (two * two),
            one @ two,
        )
    count, sx, sy, qx, qy, product = sums
    n = np.maximum(count, 1)
    xx, yy = qx - sx**2 / n, qy - sy**2 / n
    xx[xx <= n * noise_x**2] = 0.0
    yy[yy <= n * noise_y**2] = 0.0
    return _related(product - sx * sy / n, xx, yy, count)


def _centred(values: Floats) -> tuple[Floats, Floats, float]:
    """Return values less their mean, 0 where missing, 1 where known; and what is rounding."""
    known = np.isfinite(values)
    there = np.where(known, values, 0.0)
    mean = there.sum() / max(int(known.sum()), 1)
    return (
        np.where(known, values - mean, 0.0),
        known.astype(np.float64),
        float(np.abs(there).max(initial=0.0)) * float(_ROUNDING),
    )


def matrix(values: Floats) -> Related:
    """Return how each two columns of float64[n, k] go together, float64[k, k].

    In the rows in which both are known. Each column is brought to its mean first.
    """
    known = ~np.isnan(values)
    there = known.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # infinities: NaN
        count = there.T @ there
        mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        centred = np.where(known, values - mean, 0.0)
        sums = centred.T @ there  # of the row's column, where the other is known
        n = np.maximum(count, 1)
        squares = (centred**2).T @ there - sums**2 / n
        products = centred.T @ centred - sums * sums.T / n
        noise = np.abs(np.where(known, values, 0)).max(axis=0, initial=0) * _ROUNDING
        squares[squares <= n * noise[:, np.newaxis] ** 2] = 0.0
        return _related(products, squares, squares.T, count)


def _related(xy: Floats, xx: Floats, yy: Floats, count: Floats) -> Related:
    scale = np.sqrt(xx) * np.sqrt(yy)
    flat = ~(scale > 0) | ~np.isfinite(scale)
    correlation = np.clip(xy / np.where(flat, 1.0, scale), -1.0, 1.0)
    few = count < 2  # noqa: PLR2004  (one deviates from nothing)
    correlation[flat | few] = np.nan
    covariance = xy / np.maximum(count - 1, 1)
    covariance[few] = np.nan
    return Related(correlation, covariance, count)
