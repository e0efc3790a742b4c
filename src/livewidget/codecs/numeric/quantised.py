"""Floats as integers on a grid: prices without loss, anything within a stated error.

A value is the integer divided by a divisor. With a tolerance the grid is two tolerances wide;
without, it is that of decimals (as ALP, Afroozeh et al., SIGMOD 2023) and each value must come
back to the bit. What does not (NaN, infinities, values too large) is kept beside, as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livewidget.codecs.numeric.delta import Ints

Floats = npt.NDArray[np.float64]

MOST_DECIMALS = 9
MOST_PATCHED = 32  # one value in so many may be kept as it is: 12 bytes each
_LARGEST = float(1 << 52)  # beyond, integers have no neighbours to round to
_TRIED = 32  # values that tell the decimals: enough to refuse noise


@dataclass(frozen=True, slots=True)
class Gridded:
    """Integers, and the values (their bits) at the places where the grid does not serve."""

    integers: Ints
    places: npt.NDArray[np.uint32]
    bits: Ints


def divisors(values: Floats, tolerance: float | None) -> list[float]:
    """Return the divisors worth trying, the coarsest first; none where no grid can serve."""
    if tolerance:
        # Half as wide again, for data whose values lie halfway between the points of the first.
        halves = 0.5 / tolerance
        return [each for each in (halves, 2 * halves) if 0 < each < np.inf]
    tried = values[:: max(1, len(values) // _TRIED)][:_TRIED]
    for decimals in range(MOST_DECIMALS + 1):
        divisor = 10.0**decimals
        if np.count_nonzero(_served(tried, _nearest(tried, divisor), divisor, None)) > 0.9 * len(
            tried
        ):
            return [divisor]
    return []


def to_grid(values: Floats, divisor: float, tolerance: float | None) -> Gridded | None:
    """Return the values on a grid, or None where too many would have to be kept as they are."""
    rounded = _nearest(values, divisor)
    served = _served(values, rounded, divisor, tolerance)
    places = np.flatnonzero(~served)
    if len(places) > len(values) // MOST_PATCHED:
        return None
    if len(places):
        # A gap in the integers takes the one before: a jump to zero would cost its whole block.
        source = np.where(served, np.arange(len(values)), 0)
        rounded = np.where(served, rounded, 0.0)[np.maximum.accumulate(source)]
    integers = rounded.astype(np.int64)
    return Gridded(integers, places.astype(np.uint32), values[places].view(np.int64))


def from_grid(gridded: Gridded, divisor: float) -> Floats:
    """Return the values. Raises ValueError for a place beyond the end."""
    with np.errstate(over="ignore"):  # of a divisor that no encoder wrote
        values = gridded.integers / divisor
    if len(gridded.places):
        if int(gridded.places.max()) >= len(values):
            raise ValueError("a value beyond the end")
        values[gridded.places] = gridded.bits.view(np.float64)
    return values


def _nearest(values: Floats, divisor: float) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.rint(values * divisor)


def _served(
    values: Floats, rounded: Floats, divisor: float, tolerance: float | None
) -> npt.NDArray[np.bool_]:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # -0.0 is no integer: what is compared is what the decoder will make.
        decoded = (rounded + 0.0) / divisor
        if tolerance is None:
            same: npt.NDArray[np.bool_] = decoded.view(np.int64) == values.view(np.int64)
            return same & (np.abs(rounded) <= _LARGEST)
        off = np.abs(decoded - values)
        # A rounded difference below the tolerance was below it before rounding. One equal to it
        # may have been above: such a value is served only where the difference is exact.
        within: npt.NDArray[np.bool_] = off < tolerance
        even = np.flatnonzero(off == tolerance)
        if len(even):
            within[even] = _exact(decoded[even], values[even])
        return within & (np.abs(rounded) <= _LARGEST)


def _exact(left: Floats, right: Floats) -> npt.NDArray[np.bool_]:
    """Return where left - right is a float to the last bit (TwoSum, Knuth)."""
    difference = left - right
    back = difference - left
    error = (left - (difference - back)) + (-right - back)
    exact: npt.NDArray[np.bool_] = error == 0
    return exact
