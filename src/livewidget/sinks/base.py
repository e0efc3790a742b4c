"""The protocol between a sink and what writes to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from livewidget.codecs.encode import Encoder
from livewidget.data.batch import Batch


class Sink(ABC):
    """Where batches go out. An async context manager; all on one loop.

    `name` is for people and holds no secret. Constructors check their settings and open nothing.
    """

    name: str = "sink"

    @abstractmethod
    async def open(self) -> None:
        """Connect, listen or create. Raises SinkError, and has then left nothing open."""

    @abstractmethod
    async def write(self, batch: Batch) -> None:
        """Send every event of `batch`, in order; waits where what is behind cannot keep up.

        Raises SinkError where it failed for good.
        """

    async def write_from(self, batch: Batch, first: int) -> None:
        """Send every event, the first of which has the number `first` in this output.

        A row has the same number when it is sent again: where what is behind can tell by it that it
        has the row already, nothing is doubled. Raises SinkError where it may be tried again, and
        RejectedError for rows that are refused for good.
        """
        del first
        await self.write(batch)

    @abstractmethod
    async def close(self) -> None:
        """Deliver what is under way, within seconds, and close. Harmless when it is not open."""

    @property
    def counts(self) -> dict[str, int]:
        """What there is to count beside the events, by name: clients, losses."""
        return {}

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class NumberedSink(Sink):
    """One that goes by the rows' numbers: `write_from` is what it does.

    Who calls `write` has the rows counted here, from 0 on; a sink is to be used in one of the ways.
    """

    _counted = 0

    async def write(self, batch: Batch) -> None:
        """Write rows behind those of the calls before. Raises what `write_from` does."""
        await self.write_from(batch, self._counted)
        self._counted += len(batch)

    @abstractmethod
    async def write_from(self, batch: Batch, first: int) -> None:
        """See `Sink`."""


class MessageSink(Sink):
    """One that sends each event, or each batch, as a message by itself.

    `encoder` makes the messages; another may be set before `open`.
    """

    encoder: Encoder
