"""What a decoder is: encoded messages in, columns and refusals out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from livewidget.codecs.columns import Values
from livewidget.data.text import Text

MOST_REFUSALS = 1_000  # of one message's rows: a million of them would hold up all that follows
Columns = Mapping[str, Values | Text]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message, or one row of it, that could not be read, and why."""

    payload: object
    reason: str


@dataclass(slots=True)
class Decoded:
    """`rows` rows as columns of equal length, and what was rejected."""

    columns: Columns
    rows: int
    rejected: list[Rejected] = field(default_factory=list)


class Decoder(Protocol):
    """Reads messages of one format, many at once. Stateless between calls; one thread at a time."""

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order. Never raises for what is in a message."""
        ...


def too_long(message: bytes, max_bytes: int) -> Rejected:
    """Return the refusal of a message over the bound, of which as much is kept."""
    return Rejected(message[:max_bytes], f"a message of more than {max_bytes} bytes")


def given_up(rejected: list[Rejected], begun: int, message: bytes) -> bool:
    """Say whether a message's rows have been refused often enough, and add that the rest is left.

    `begun` is how many refusals there were before it.
    """
    if len(rejected) - begun < MOST_REFUSALS:
        return False
    why = f"more than {MOST_REFUSALS} rows of the message cannot be read: the rest of it is left"
    rejected.append(Rejected(message, why))
    return True
