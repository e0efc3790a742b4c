"""When to try again: exponential backoff with full jitter."""

from __future__ import annotations

import random

from livewidget.data.errors import SettingError


class Backoff:
    """The delays between attempts, each uniform between 0 and a ceiling that doubles.

    "Full jitter" of M. Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog,
    2015): clients that lost one server at once come back spread out. No I/O and no clock of
    its own; one owner, one thread.

    `base_s` is the first ceiling and `cap_s` the last, in seconds. After `attempts` attempts,
    or `deadline_s` seconds after the first, there is no next one; None means no such limit.
    Raises SettingError for limits that cannot be.
    """

    def __init__(
        self,
        base_s: float = 0.1,
        cap_s: float = 5.0,
        *,
        attempts: int | None = None,
        deadline_s: float | None = None,
        rng: random.Random | None = None,
    ) -> None:
        if not 0 < base_s <= cap_s:
            raise SettingError(f"backoff needs 0 < base_s <= cap_s, got {base_s} and {cap_s}")
        if attempts is not None and attempts < 0:
            raise SettingError(f"attempts is a number from 0 up, or None; got {attempts}")
        if deadline_s is not None and deadline_s < 0:
            raise SettingError(f"deadline_s is a number from 0 up, or None; got {deadline_s}")
        self.base_s = base_s
        self.cap_s = cap_s
        self.attempt = 0
        self._attempts = attempts
        self._deadline_s = deadline_s
        self._rng = rng or random.Random()
        self._since: float | None = None

    def next(self, now: float) -> float | None:
        """Count one more attempt and return the delay before it in seconds; None to give up.

        `now` is a steady clock in seconds. A delay never reaches past the deadline.
        """
        if self._since is None:
            self._since = now
        if self._attempts is not None and self.attempt >= self._attempts:
            return None
        left = self._left(now)
        if left <= 0:
            return None
        # Past 2**64 the ceiling is the cap in any case, and a float would overflow.
        ceiling = min(self.cap_s, self.base_s * 2.0 ** min(self.attempt, 64))
        self.attempt += 1
        return min(left, self._rng.uniform(0.0, ceiling))

    def reset(self) -> None:
        """Forget the attempts: the connection has proved itself."""
        self.attempt = 0
        self._since = None

    def _left(self, now: float) -> float:
        if self._deadline_s is None or self._since is None:
            return float("inf")
        return self._since + self._deadline_s - now
