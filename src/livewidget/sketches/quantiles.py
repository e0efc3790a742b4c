"""Quantiles of many groups at once, mergeable, each within a relative error.

DDSketch (Masson, Rim and Lee, VLDB 2019) with the mapping that is linear between powers of two:
a value's bin is the head of its bits, so that no logarithm is taken and negative values, zeros and
infinities need no care of their own. Only bins that hold something are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BITS = 6  # of the mantissa that tell bins apart: 64 bins from one power of two to the next
ERROR = 2.0 ** -(BITS + 1)  # greatest relative error of a quantile: 0.8 %
_SHIFT = 52 - BITS
_SIGN = 63 - _SHIFT
_INFINITE = 0x7FF << BITS
_DENSE = 2  # times as many places as values: up to here counting by place beats sorting

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bins = npt.NDArray[np.int32]


def bins_of(values: Floats) -> Bins:
    """Return the bin of each value, none of which is NaN; greater values have no lesser bins."""
    # The shift draws the sign along: of a negative value it leaves its head less 1 << SIGN.
    heads = (np.ascontiguousarray(values).view(np.int64) >> _SHIFT).astype(np.int32)
    return np.where(heads < 0, -(1 << _SIGN) - heads, heads).astype(np.int32, copy=False)


def values_of(bins: Bins, shift: int = 0) -> Floats:
    """Return the middle of each bin: within `error_of(shift)` of every value in it.

    Relative to the value; magnitudes below 1e-307 have fewer bins than that takes.
    """
    heads = np.abs(bins).astype(np.int64)
    inside = (heads > 0) & (heads < _INFINITE >> shift)
    half = 1 << (_SHIFT + shift - 1)
    middles = ((heads << (_SHIFT + shift)) + inside * half).view(np.float64)
    return np.where(bins < 0, -middles, middles)


def error_of(shift: int) -> float:
    """Return the greatest relative error of bins that were joined in pairs `shift` times."""
    return ERROR * 2.0**shift


@dataclass(frozen=True, slots=True)
class Sketches:
    """One sketch for each of G groups.

    `sizes` (int64[G]) says how many bins each has; `bins` (int32) and `counts` (int64) are those
    of all groups, one after another, by rising bins within each. Neighbouring bins were joined
    `shift` times (as UDDSketch does, Epicoco et al., 2020), which doubles the error each time.
    """

    sizes: Ints
    bins: Bins
    counts: Ints
    shift: int = 0

    @classmethod
    def of(cls, values: Floats, groups: Ints, size: int) -> Sketches:
        """Sketch each of `size` groups: `groups` says which each value is in; NaN is left out."""
        missing = np.isnan(values)
        if missing.any():
            values, groups = values[~missing], groups[~missing]
        return _counted(groups, bins_of(values), None, size, 0)

    def regrouped(self, groups: Ints, size: int, shift: int = 0) -> Sketches:
        """Return `size` sketches, the g-th of all whose place in `groups` says g, merged.

        Their bins are joined in pairs until that has been done `shift` times at least.
        """
        shift = max(shift, self.shift)
        heads = np.abs(self.bins) >> (shift - self.shift)
        bins = np.where(self.bins < 0, -heads, heads)
        return _counted(np.repeat(groups, self.sizes), bins, self.counts, size, shift)

    def within(self, most: int) -> Sketches:
        """Return them with at most `most` bins in all, or as few as can be."""
        sketches = self
        while len(sketches.bins) > most and sketches.shift < BITS:
            groups = np.arange(len(self.sizes))
            sketches = sketches.regrouped(groups, len(groups), sketches.shift + 1)
        return sketches

    def totals(self) -> Ints:
        """Return how many values each group has."""
        ends = np.concatenate([[0], np.cumsum(self.counts)])
        return np.diff(ends[np.cumsum(self.sizes)], prepend=0)

    def quantile(self, part: float) -> Floats:
        """Return for each group its value of rank floor(part * (n - 1)), within the error.

        NaN where a group has no values. `part` is from 0 to 1.
        """
        totals = self.totals()
        found = np.full(len(totals), np.nan)
        some = totals > 0
        if some.any():
            before = np.cumsum(totals) - totals
            ranks = before + np.floor(part * (totals - 1)).astype(np.int64)
            places = np.searchsorted(np.cumsum(self.counts), ranks[some], side="right")
            found[some] = values_of(self.bins[places], self.shift)
        return found


def joined(parts: Sequence[Sketches]) -> Sketches:
    """Return the groups of all parts, one after another, with the coarsest bins among them."""
    shift = max(part.shift for part in parts)
    alike = [
        part
        if part.shift == shift
        else part.regrouped(np.arange(len(part.sizes)), len(part.sizes), shift)
        for part in parts
    ]
    return Sketches(
        np.concatenate([part.sizes for part in alike]),
        np.concatenate([part.bins for part in alike]),
        np.concatenate([part.counts for part in alike]),
        shift,
    )


def ranked(codes: Ints) -> tuple[Ints, Ints]:
    """Return the place of each code among the codes that occur, and these, rising."""
    low = int(codes.min()) if len(codes) else 0
    span = int(codes.max()) - low + 1 if len(codes) else 0
    if span > _DENSE * len(codes):
        used, places = np.unique(codes, return_inverse=True)
        return places, used
    here = np.zeros(span, dtype=bool)
    here[codes - low] = True
    return (np.cumsum(here) - 1)[codes - low], np.flatnonzero(here) + low


def _counted(groups: Ints, bins: Bins, weights: Ints | None, size: int, shift: int) -> Sketches:
    """Return the sketches of values (or of counts of them) by their groups and bins."""
    if not len(bins):
        none = np.empty(0, dtype=np.int64)
        return Sketches(np.zeros(size, dtype=np.int64), none.astype(np.int32), none, shift)
    low = int(bins.min())
    span = int(bins.max()) - low + 1
    places: Ints = (groups * span + (bins - low)).astype(np.int64, copy=False)
    if size * span <= _DENSE * len(bins):
        every = np.bincount(places, weights, size * span)
        used = np.flatnonzero(every)
        counts = every[used]
    elif weights is None:
        places = np.sort(places)
        starts = np.flatnonzero(np.append(True, places[1:] != places[:-1]))
        used, counts = places[starts], np.diff(np.append(starts, len(places)))
    else:
        ranks, used = ranked(places)
        counts = np.bincount(ranks, weights, len(used))
    sizes = np.bincount(used // span, minlength=size)
    bins = (used % span + low).astype(np.int32)
    return Sketches(sizes.astype(np.int64), bins, counts.astype(np.int64), shift)
