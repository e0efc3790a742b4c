"""What is in a store now: its logs and its partitions, as the folder has them."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.history import CHUNK_ROWS, chunks
from livewidget.storage.embedded import log as logs_of
from livewidget.storage.embedded.folder import LEVELS, LOGS, PARTS, About, Folder
from livewidget.storage.embedded.log import Group, Log
from livewidget.storage.embedded.partition import Partition, Title
from livewidget.storage.embedded.reading import Asked, Cache, Node, in_log, in_partition
from livewidget.storage.embedded.secret import Secret

_LOOKS = 100  # at a folder whose files go while it is looked at


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows that are read together in the order of their numbers."""

    first: int
    end: int
    load: Callable[[], Batch]


class Contents:
    """The logs and partitions of a folder, by the number of their first row, under `lock`.

    A log whose rows are in a partition too is one whose closing was cut off before it was removed:
    the partition counts. Methods raise StoreError and OSError. Any thread.
    """

    def __init__(self, folder: Folder, cache_bytes: int) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.about = About()
        self.secret: Secret | None = None
        self.logs: dict[int, Log] = {}
        self.parts: dict[int, Partition] = {}
        self.cache = Cache(cache_bytes)
        self._firsts: list[int] = []

    def look(self) -> None:
        """Take up what is in the folder now."""
        with self.lock:
            self.about = self.folder.about() or self.about
            if self.about.schema is None:
                return
            for _ in range(_LOOKS):
                if self._looked():
                    return
        raise StoreError(f"{self.folder.path} changes faster than it can be looked at")

    def _looked(self) -> bool:
        """Look once. Logs before partitions: a closing turns the one into the other."""
        schema = self.about.schema
        assert schema is not None
        firsts = [logs_of.number(name) for name, _ in self.folder.names(LOGS)]
        for first in (each for each in firsts if each >= 0 and each not in self.logs):
            try:
                path = self.folder.file(LOGS, logs_of.name(first))
                self.logs[first] = Log(path, schema, self.secret)
            except FileNotFoundError:
                return False
        self.logs = {first: self.logs[first] for first in firsts if first >= 0}
        sizes = dict(self.folder.names(LEVELS))
        titles = [(Title.of(name), size) for name, size in self.folder.names(PARTS)]
        there = {title.first: (title, size) for title, size in titles if title is not None}
        for first, (title, size) in there.items():
            if first not in self.parts:
                nbytes = size + sizes.get(f"{title.stem}.levels", 0)
                part = Partition(title, nbytes, self.folder, schema, self.secret)
                self.parts[first] = part
        self.parts = {first: self.parts[first] for first in sorted(there)}
        self._firsts = list(self.parts)
        self.refresh()
        return True

    def refresh(self) -> None:
        """Take up what was appended to the logs."""
        with self.lock:
            for log in self.logs.values():
                log.refresh()

    def tidy(self) -> None:
        """Remove levels that belong to no partition: a crash came before it, or after."""
        stems = {part.title.stem for part in self.parts.values()}
        for name, _ in self.folder.names(LEVELS):
            if name.removesuffix(".levels") not in stems:
                self.folder.file(LEVELS, name).unlink(missing_ok=True)

    def closed(self, log: Log, parts: Sequence[Partition]) -> None:
        """Note that a log became partitions."""
        with self.lock:
            every = self.parts | {part.title.first: part for part in parts}
            self.parts = dict(sorted(every.items()))
            self._firsts = list(self.parts)
            self.logs.pop(log.first, None)

    def remove(self, parts: Sequence[Partition]) -> None:
        """Forget partitions."""
        with self.lock:
            for part in parts:
                self.parts.pop(part.title.first, None)
            self._firsts = list(self.parts)

    def covered(self, first: int) -> bool:
        """Say whether a row is in a partition."""
        place = bisect_right(self._firsts, first) - 1
        return place >= 0 and first < self.parts[self._firsts[place]].title.end

    def groups(self) -> list[tuple[Log, list[Group]]]:
        """Return the groups of each log that are in no partition, by rising numbers."""
        with self.lock:
            return [
                (log, [group for group in log.groups if not self.covered(group.first)])
                for _, log in sorted(self.logs.items())
            ]

    def edges(self) -> list[tuple[int, int, int, int]]:
        """Return first number, rows, first and last time (ns) of all that is there."""
        with self.lock:
            titles = [part.title for part in self.parts.values()]
            groups = [group for _, each in self.groups() for group in each]
            every: list[Title | Group] = [*titles, *groups]
            return [(it.first, it.rows, it.low, it.high) for it in every]

    @property
    def rows(self) -> int:
        """The number that the next row has."""
        with self.lock:
            ends = [part.title.end for part in self.parts.values()]
            ends += [log.next for log in self.logs.values()]
            return max(ends, default=0)

    def nodes(self, asked: Asked) -> list[Node]:
        """Return what answers for a range."""
        nodes = []
        with self.lock:
            parts = list(self.parts.values())
            for log, groups in self.groups():
                nodes += in_log(log, groups, asked, self.cache)
        for part in parts:
            nodes += in_partition(part, asked, self.cache)
        return nodes

    def arrivals(self, first: int, stop: int | None) -> Iterator[tuple[int, Batch]]:
        """Yield the rows with those numbers, rising, with the number of each batch's first."""
        for unit in self._units(first, stop):
            low = max(first, unit.first)
            high = unit.end if stop is None else min(stop, unit.end)
            if low >= high:
                continue
            batch = unit.load()
            for part in chunks(batch.take(slice(low - unit.first, high - unit.first)), CHUNK_ROWS):
                yield low, part
                low += len(part)

    def _units(self, first: int, stop: int | None) -> Iterator[Unit]:
        with self.lock:
            units: list[Partition | Unit] = list(self.parts.values())
            for log, groups in self.groups():
                units += [_unit(log, group) for group in groups]
        units.sort(key=lambda it: it.first if isinstance(it, Unit) else it.title.first)
        for each in units:
            whole = each if isinstance(each, Unit) else each.title
            if whole.end <= first or (stop is not None and whole.first >= stop):
                continue
            if isinstance(each, Unit):
                yield each
                continue
            for place, group in enumerate(each.groups):
                yield Unit(group.first, group.end, lambda p=each, n=place: p.load(n))  # type: ignore[misc]


def _unit(log: Log, group: Group) -> Unit:
    if group.records is not None:  # it grows: as it is now
        batch = log.batch(group)
        return Unit(group.first, group.end, lambda: batch)
    return Unit(group.first, group.end, lambda: log.batch(group))
