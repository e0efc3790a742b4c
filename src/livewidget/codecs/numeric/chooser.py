"""A column's plan, remembered: to look for it takes as long as packing several segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from livewidget.codecs.numeric.plan import RAW, Plan, choose

if TYPE_CHECKING:
    from livewidget.codecs.numeric.packed import Packed

FEWEST, MOST = 8, 128  # segments from one look to the next: a look costs five to ten of them
DRIFT = 1.1  # times the bytes a value that were seen, or a part of them: look again
LARGER = 4  # times the rows of the segments looked at: a few rows say little of many
SLACK = 64  # bytes a segment may differ by in any case: tables and heads of short ones
_NONE = (float("inf"), 0.0)


class Chooser:
    """What packs one column best, as `pack(values, chooser=...)` finds out and remembers.

    It looks (tries the codecs) at the first segment, FEWEST later, and then each MOST; sooner, yet
    not within FEWEST, where a segment took a tenth more or less than those that a look has
    confirmed the plan for; and at once at one of another type or of many more rows. One a column,
    one thread at a time.
    """

    __slots__ = (
        "_alike",
        "_drifted",
        "_interval",
        "_kind",
        "_plan",
        "_rows",
        "_seen",
        "_since",
        "looks",
    )

    def __init__(self) -> None:
        self.looks = 0
        self._kind: tuple[str, float | None] | None = None
        self._rows = 0  # of the longest segment looked at
        self._plan = RAW
        self._interval = FEWEST
        self._since = 0  # segments planned since the look, with the one it looked at
        self._seen = _NONE  # the least and the most bytes a value by this plan
        self._alike = _NONE  # those that a look has confirmed it for
        self._drifted = False

    def plan(self, values: npt.NDArray[Any], tolerance: float | None = None) -> Plan:
        """Return the plan for a segment of int64, int32 or float64 values."""
        kind = (values.dtype.str, tolerance or None)
        if kind != self._kind or len(values) > LARGER * self._rows:
            self._look(values, kind, FEWEST)
        elif self._since >= (FEWEST if self._drifted else self._interval):
            self._look(values, kind, MOST)
        self._since += 1
        return self._plan

    def learned(self, packed: Packed) -> None:
        """Take note of the bytes that a segment took by the plan that was returned for it."""
        size = max(1, packed.size)
        each, slack = packed.nbytes / size, SLACK / size
        self._seen = min(self._seen[0], each), max(self._seen[1], each)
        if self._since == 1:
            self._alike = self._seen
        least, most = self._alike
        self._drifted |= not least / DRIFT - slack <= each <= most * DRIFT + slack

    def _look(self, values: npt.NDArray[Any], kind: tuple[str, float | None], then: int) -> None:
        found = choose(values, kind[1], thorough=True)
        if found != self._plan or kind != self._kind:
            self._seen = _NONE
            # Of two that are nearly even now one and now the other wins: that is no news.
            then = FEWEST if self._drifted else then
        self.looks += 1
        self._kind, self._plan, self._interval = kind, found, then
        self._rows, self._since, self._drifted = max(self._rows, len(values)), 0, False
