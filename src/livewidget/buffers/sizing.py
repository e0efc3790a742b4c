"""How many rows a ring may hold: a bound that stands, or one that follows the stream."""

from __future__ import annotations

from livewidget.data.errors import SettingError, quote

QUARTER = 4  # a ring is roomy while it is filled to less than one part of so many


class Fixed:
    """A bound that stands until it is set anew; None is no bound."""

    def __init__(self, rows: int | None) -> None:
        self.rows = self.most = rows

    def bound(self, rows: int | None) -> None:
        """Set the bound."""
        self.rows = self.most = rows

    def grow(self, wanted: int) -> None:
        """Stay."""

    def settle(self, _held: int, _now_s: float) -> bool:
        """Stay; return False."""
        return False


class Adaptive:
    """A bound that doubles while rows do not fit, and halves again after a quiet time.

    It goes from `least` to `most` rows, and back once less than a quarter of it was held for
    `cool_down_s` seconds without a break.
    """

    def __init__(self, least: int, most: int, cool_down_s: float) -> None:
        if not 1 <= least <= most:
            raise SettingError(
                f"most_rows is at least max_rows, got {quote(most)} and {quote(least)}"
            )
        if not cool_down_s >= 0:
            raise SettingError(f"cool_down_s is 0 or more seconds, got {quote(cool_down_s)}")
        self.least = self.rows = least
        self.most = most
        self.cool_down_s = cool_down_s
        self._roomy_since: float | None = None

    def bound(self, rows: int | None) -> None:
        """Set the least bound; None leaves it."""
        if rows is not None:
            self.least = min(rows, self.most)
            self.rows = max(self.rows, self.least)

    def grow(self, wanted: int) -> None:
        """Double until `wanted` rows fit, or until `most` is reached."""
        while self.rows < min(wanted, self.most):
            self.rows = min(2 * self.rows, self.most)
            self._roomy_since = None

    def settle(self, held: int, now_s: float) -> bool:
        """Note how many rows are held at `now_s` (a monotonic clock); say whether it halved."""
        if QUARTER * held >= self.rows:
            self._roomy_since = None
            return False
        if self._roomy_since is None:
            self._roomy_since = now_s
        if self.rows == self.least or now_s - self._roomy_since < self.cool_down_s:
            return False
        self.rows = max(self.least, self.rows // 2)
        self._roomy_since = now_s
        return True
