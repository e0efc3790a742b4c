"""What a decoder is: encoded messages in, columns and refusals out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from livewidget.codecs.columns import Values
from livewidget.data.text import Text

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
