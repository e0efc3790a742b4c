"""How far the sender may run ahead of what the browsers have acknowledged. I/O-free."""

from __future__ import annotations

from collections import deque

ACK_S = 1.0  # a visible page acknowledges once a second
AHEAD_S = 2 * ACK_S  # what is under way may span two of those and no more
OPEN_LOOP_S = 0.1  # between two ticks while nothing can be heard: slow and safe


class Credit:
    """Counts what is under way to the fastest visible browser, in time.

    `sent` and `acked` report; `may_send` decides. A clock is handed in with each call, in s.
    """

    def __init__(self) -> None:
        self._under_way: deque[tuple[int, float]] = deque()
        self._last_sent = float("-inf")
        self.acked_tick = 0

    def sent(self, tick: int, now: float) -> None:
        """Note that `tick` went out."""
        self._under_way.append((tick, now))
        self._last_sent = now

    def acked(self, tick: int) -> None:
        """Note that a visible browser has received all up to `tick`."""
        self.acked_tick = max(self.acked_tick, tick)
        while self._under_way and self._under_way[0][0] <= tick:
            self._under_way.popleft()

    def lost(self) -> None:
        """Give up on what is under way: it will not arrive."""
        self._under_way.clear()

    @property
    def behind(self) -> int:
        """Ticks that are under way."""
        return len(self._under_way)

    def oldest_age(self, now: float) -> float:
        """Return for how many seconds the oldest tick has been under way; 0 for none."""
        return now - self._under_way[0][1] if self._under_way else 0.0

    def may_send(self, now: float, *, deaf: bool) -> bool:
        """Say whether a tick may go out; `deaf` opens the loop."""
        if deaf:
            return now - self._last_sent >= OPEN_LOOP_S
        return self.oldest_age(now) <= AHEAD_S
