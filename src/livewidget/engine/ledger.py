"""Where every event is: the counts of one stream, and what it refused."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from livewidget.data.events import DeadLetter

DEAD_LETTERS = 1_000
MOST_REASONS, OTHER_REASONS = 50, "other reasons"


@dataclass(frozen=True, slots=True)
class Account:
    """Where every event is: received = stored + filtered + rejected + dropped + in_flight.

    `made` of those received are operators' own, such as the results of windows.
    """

    received: int = 0
    stored: int = 0
    filtered: int = 0
    rejected: int = 0
    dropped: int = 0
    in_flight: int = 0
    made: int = 0


class Ledger:
    """The counts of a stream; who changes one holds `lock`, for moments only.

    `in_flight` counts what a flow holds; what is staged behind it is counted where it is. `lost`
    counts events that never came, by their numbers. `dead` keeps the newest refused events,
    `reasons` counts why.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.received = self.stored = self.filtered = self.rejected = self.dropped = 0
        self.in_flight = 0
        self.made = 0
        self.lost = 0  # never came, by their numbers
        self.dead: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS)
        self.reasons: Counter[str] = Counter()

    def refuse(
        self, bad: Sequence[tuple[object, str]], arrival: int, rows: int, operator: str = "schema"
    ) -> None:
        """Count `rows` rows that come in and are rejected at once."""
        if bad and rows:
            with self.lock:
                self.received += rows
                self.bury([DeadLetter(arrival, why, it, operator) for it, why in bad], rows)

    def bury(self, letters: Sequence[DeadLetter], rows: int) -> None:
        """Keep letters of `rows` rejected rows, which may be fewer: a table refused whole is one.

        What has no letter of its own shares the last one's reason. Under the lock.
        """
        for place, letter in enumerate(letters, 1):
            self.dead.append(letter)
            reason = letter.reason
            known = reason in self.reasons or len(self.reasons) < MOST_REASONS
            count = 1 if place < len(letters) else 1 + rows - len(letters)
            self.reasons[reason if known else OTHER_REASONS] += count
        self.rejected += rows

    def take_dead(self) -> list[DeadLetter]:
        """Take the dead letters away; they stay counted."""
        with self.lock:
            dead = list(self.dead)
            self.dead.clear()
        return dead
