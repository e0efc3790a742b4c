"""The protocol of what keeps rows behind the memory, and what it says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from livewidget.data.batch import Batch
from livewidget.data.schema import Schema


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What a store holds and did: `rows` and `nbytes` now, `state` in a word, `detail` for people.

    `state` is "open", "failing" (it cannot write or be reached now; it goes on trying), "read only"
    or "closed".
    """

    rows: int = 0
    nbytes: int = 0
    state: str = "open"
    detail: str = ""


class Store(ABC):
    """A `History` that rows are appended to, and that outlives the process.

    Rows are numbered from 0 in the order in which they came: `append(batch, first)` is given the
    number of its first row, and passes over rows whose numbers it has already, so that a write
    whose outcome is unknown can be repeated. One thread writes; any thread reads, and reads what
    was appended before. Constructors check their settings and open nothing. `name` holds no
    secret. Blocking: the engine calls it from threads of its own.
    """

    name: str = "store"

    @abstractmethod
    def open(self, schema: Schema | None = None) -> None:
        """Open or create. Raises StoreError for what cannot be read, SchemaError for other columns.

        None takes the schema that is there, or that of the first batch.
        """

    @property
    @abstractmethod
    def schema(self) -> Schema | None:
        """The schema of the rows, or None before any."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """The number that the next row has: how many rows were ever appended."""

    @abstractmethod
    def append(self, batch: Batch, first: int) -> None:
        """Keep rows `first` and on. When it returns they are as safe as the store's policy says.

        Rows whose numbers are passed over are missing here: `since` (or `holes`, see
        `storage.planner.Holed`) tells so, after the store was opened anew, too.
        Raises StoreError where they are not; the same rows may then be appended again.
        """

    @abstractmethod
    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC, or None where nothing is."""

    @abstractmethod
    def since(self) -> int:
        """Return the time (ns UTC) from which on no row that was appended is missing here.

        A store that never let go of anything answers `-EVER`.
        """

    @abstractmethod
    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield rows of a range, see `livewidget.data.history.History.read`.

        Raises StoreError where a part of the range cannot be read now.
        """

    @abstractmethod
    def prune(self, before: int) -> int:
        """Let go of whole partitions that end before `before` (ns UTC); return their rows."""

    @abstractmethod
    def stats(self) -> StoreStats:
        """Return what it holds and how it does."""

    @abstractmethod
    def close(self) -> None:
        """Write what is under way, within seconds, and close. Harmless when it is not open."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


@runtime_checkable
class Recoverable(Protocol):
    """A store that a stream can be gone on with from: rows by number, and a place for its state."""

    def rows_from(self, first: int, stop: int | None = None) -> Iterator[tuple[int, Batch]]:
        """Yield rows numbered [first, stop) as they came, each batch with its first row's number.

        Rows that were let go of are passed over. None is all there are.
        """
        ...

    def first_since(self, time: int) -> int:
        """Return the lowest number of a row with a time (ns UTC) of `time` or later, or `rows`."""
        ...

    def load(self, key: str) -> bytes | None:
        """Return what was saved under a key, or None."""
        ...

    def save(self, key: str, data: bytes) -> None:
        """Keep bytes under a key, in place of what was there: all of them or none."""
        ...


@runtime_checkable
class Doubtful(Protocol):
    """A store that can be told that rows are missing which it never heard of."""

    def doubt(self, before: int) -> None:
        """Have `since` be `before` (ns UTC) at least; kept with the rows of the next append."""
        ...
