"""The bucket widths that levels are kept at: each divides the next."""

from __future__ import annotations

from bisect import bisect_right

_SECOND = 1_000_000_000
_BELOW = tuple(step * 10**power for power in range(9) for step in (1, 5))
_ABOVE = (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)

# ns: 1, 5, 10, 50 and so on to 500 ms; then 1 s, 5 s, 10 s, 30 s, 1 min to a day.
LADDER: tuple[int, ...] = (*_BELOW, *(seconds * _SECOND for seconds in _ABOVE))


def snap(width: int) -> int:
    """Return the widest bucket that levels can serve for `width` (ns, at least 1).

    It is a multiple of a rung, at most `width` and more than half of it.
    """
    rung = LADDER[bisect_right(LADDER, max(1, width)) - 1]
    return max(1, width) // rung * rung


def serves(rung: int, width: int) -> bool:
    """Say whether buckets of `width` can be made of whole buckets of a rung."""
    return 0 < rung <= width and not width % rung
