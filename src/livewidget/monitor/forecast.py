"""When a figure that rises reaches its limit, at this rate. I/O-free."""

from __future__ import annotations

from dataclasses import dataclass

from livewidget.monitor.trends import History

_FAR = 10.0  # times as long as it was watched: nobody sees further
_VAGUE = 3.0  # times as late as early: that is no answer


@dataclass(frozen=True, slots=True)
class Forecast:
    """In how many seconds a limit is reached, and the bounds of that (99 times of 100)."""

    in_s: float
    early_s: float
    late_s: float

    @property
    def text(self) -> str:
        """Such as "14 min"."""
        return span(self.in_s)


def forecast(history: History, limit: float) -> Forecast | None:
    """Return when `history` reaches `limit`, or None: it does not, or nobody can say when.

    It is withheld where the rise is not sure, where its bounds are far apart, and where the limit
    is much further off than the figure was watched.
    """
    slope, last = history.slope(), history.last
    if slope is None or last is None or not slope.sure or slope.low <= 0 or last >= limit:
        return None
    left = limit - last
    found = Forecast(left / slope.per_s, left / slope.high, left / slope.low)
    if found.late_s > _VAGUE * found.early_s or found.in_s > _FAR * slope.over_s:
        return None
    return found


def span(seconds: float) -> str:
    """Return a span of time for people, to two digits at most."""
    for unit, name in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
