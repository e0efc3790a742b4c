"""When to leave an endpoint alone: a circuit breaker."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from livewidget.data.errors import SettingError


class Circuit(StrEnum):
    """Whether attempts go through: all, none, or one to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """Opens after `failures` failures, and lets one probe through after `open_s` seconds.

    "Circuit Breaker" of M. Nygard, "Release It!" (2nd ed. 2018, 5.2): a success of the probe
    closes it, a failure opens it anew. The failures are those in a row or, with `window_s`, those
    of the last `window_s` seconds whatever was between them. A probe that says nothing for `open_s`
    seconds counts as lost, and another may go. A failure that comes in while it is open, from an
    attempt that began before, changes nothing.

    No I/O and no clock of its own: `now` is a steady clock in seconds. One owner, one thread.
    Raises SettingError for limits that cannot be.
    """

    def __init__(
        self, failures: int = 5, *, open_s: float = 30.0, window_s: float | None = None
    ) -> None:
        if failures < 1:
            raise SettingError(f"failures is a number from 1 up, got {failures}")
        if not 0 < open_s < float("inf"):
            raise SettingError(f"open_s is a number of seconds above 0, got {open_s}")
        if window_s is not None and not window_s > 0:
            raise SettingError(f"window_s is a number of seconds above 0, or None; got {window_s}")
        self.failures = failures
        self.open_s = open_s
        self._window_s = window_s
        self._failed: deque[float] = deque(maxlen=failures)  # when, the oldest first
        self._opened: float | None = None
        self._probe: float | None = None  # when the one under way began

    def state(self, now: float) -> Circuit:
        """Return what the circuit is at `now`."""
        if self._opened is None:
            return Circuit.CLOSED
        return Circuit.OPEN if now - self._opened < self.open_s else Circuit.HALF_OPEN

    def allow(self, now: float) -> bool:
        """Tell whether an attempt may be made; where it is the probe, it is counted as begun."""
        state = self.state(now)
        if state is Circuit.CLOSED:
            return True
        if state is Circuit.OPEN or self._probing(now):
            return False
        self._probe = now
        return True

    def wait(self, now: float) -> float:
        """Return the seconds until an attempt may be made at the earliest, if nothing is said."""
        state = self.state(now)
        if state is Circuit.OPEN:
            assert self._opened is not None
            return self._opened + self.open_s - now
        if state is Circuit.HALF_OPEN and self._probing(now):
            assert self._probe is not None
            return self._probe + self.open_s - now
        return 0.0

    def success(self) -> None:
        """Note that an attempt was of use: whenever it comes, it closes the circuit."""
        if self._opened is not None or self._window_s is None:
            self._failed.clear()
        self._opened = self._probe = None

    def failure(self, now: float) -> None:
        """Note that an attempt was of no use."""
        state = self.state(now)
        if state is Circuit.CLOSED:
            self._failed.append(now)
            oldest = now - self._failed[0]
            recent = self._window_s is None or oldest < self._window_s
            if len(self._failed) == self.failures and recent:
                self.trip(now)
        elif state is Circuit.HALF_OPEN:
            self.trip(now)

    def trip(self, now: float) -> None:
        """Open at once: one failure has said enough."""
        self._opened, self._probe = now, None

    def _probing(self, now: float) -> bool:
        return self._probe is not None and now - self._probe < self.open_s
