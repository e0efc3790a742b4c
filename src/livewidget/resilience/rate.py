"""A limit on how much may pass in a time."""

from __future__ import annotations

from livewidget.data.errors import SettingError, quote


class TokenBucket:
    """Lets `rate` units a second pass in the long run, and `burst` of them at once.

    The token bucket of RFC 2697 and of every network card, with debts: what has come is not
    refused, the next is to wait. No I/O and no clock of its own; one owner, one thread. Raises
    SettingError for limits that cannot be.
    """

    def __init__(self, rate: float, burst: float | None = None) -> None:
        if not 0 < rate < float("inf"):
            raise SettingError(f"rate_limit is a number of events a second above 0, got {rate!r}")
        self.rate = rate
        self._burst = max(1.0, rate / 10) if burst is None else burst
        if not self._burst > 0:
            raise SettingError(f"burst is a number above 0, got {quote(burst)}")
        self._tokens = self._burst
        self._at: float | None = None

    def take(self, units: float, now: float) -> None:
        """Note that `units` have passed; `now` is a steady clock in seconds."""
        self._fill(now)
        self._tokens -= units

    def wait(self, now: float) -> float:
        """Return the seconds until the next may pass."""
        self._fill(now)
        return max(0.0, -self._tokens / self.rate)

    def _fill(self, now: float) -> None:
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
