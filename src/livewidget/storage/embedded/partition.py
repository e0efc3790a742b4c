"""A closed partition: a Parquet file whose name tells all that a plan needs, and its levels."""

from __future__ import annotations

import json
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Protocol

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import StoreError
from livewidget.data.history import chunks
from livewidget.data.schema import Schema
from livewidget.storage.embedded.blocks import Block, Blocks, pack
from livewidget.storage.embedded.folder import LEVELS, PARTS, Folder, sync_folder
from livewidget.storage.embedded.levels import blocks_of, levels_of
from livewidget.storage.embedded.parquet import (
    GROUP_ROWS,
    dump,
    from_arrow,
    pieces_of,
    pyarrow,
    reader,
)
from livewidget.storage.embedded.rows import unpack
from livewidget.storage.embedded.secret import NONCE, TAG, Secret

log = logging.getLogger("livewidget")
_NS = 1_000_000_000
_NAME = re.compile(r"(\d{8}T\d{6})\.(\d{9})Z-(\d{15,})-(\d+)-(\d+)\.(parquet|sealed)")


@dataclass(frozen=True, slots=True)
class Title:
    """The name of a partition: number of the first row, rows, first and last time (ns, UTC)."""

    first: int
    rows: int
    low: int
    high: int
    sealed: bool

    @property
    def end(self) -> int:
        """The number after its last row."""
        return self.first + self.rows

    @property
    def stem(self) -> str:
        """Its file's name without the ending: names sort as times do."""
        seconds, rest = divmod(self.low, _NS)
        stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S")
        return f"{stamp}.{rest:09}Z-{self.first:015}-{self.rows}-{self.high - self.low}"

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.stem}.{'sealed' if self.sealed else 'parquet'}"

    @classmethod
    def of(cls, name: str) -> Title | None:
        """Return what a file's name tells, None for one that is no partition's."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        stamp, rest, first, rows, span, ending = found.groups()
        begun = datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        low = (begun - _EPOCH).days * 86_400 * _NS + (begun - _EPOCH).seconds * _NS + int(rest)
        return cls(int(first), int(rows), low, low + int(span), ending == "sealed")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows of a partition that are decoded together."""

    first: int
    rows: int
    low: int
    high: int

    @property
    def end(self) -> int:
        """The number after its last row."""
        return self.first + self.rows


def close(
    batch: Batch, first: int, by: str | None, folder: Folder, secret: Secret | None
) -> tuple[Title, int]:
    """Write rows `first` and on as a partition, its levels before it; durable when it returns.

    Returns its title and the bytes of both files. Raises OSError; then it is not there.
    """
    times = batch.times
    edges = int(times.min()), int(times.max())
    title = Title(first, len(batch), *edges, secret is not None)
    groups, number = [], first
    for part in chunks(batch, GROUP_ROWS):
        groups.append(RowGroup(number, len(part), int(part.times.min()), int(part.times.max())))
        number += len(part)

    def write_levels() -> int:
        levels = pack(blocks_of(levels_of(batch, by)), secret)
        folder.replace(folder.file(LEVELS, f"{title.stem}.levels"), levels, sync=True)
        return len(levels)

    with ThreadPoolExecutor(1, "livewidget-levels") as beside:
        levels = beside.submit(write_levels)
        data = _plain(batch, groups) if secret is None else _sealed(batch, groups, secret)
    nbytes = len(data) + levels.result()
    folder.replace(folder.file(PARTS, title.file), data, sync=True)
    return title, nbytes


def _plain(batch: Batch, groups: list[RowGroup]) -> bytes | memoryview:
    edges = [[it.first, it.rows, it.low, it.high] for it in groups]
    return dump(batch, json.dumps(edges).encode())


def _sealed(batch: Batch, groups: list[RowGroup], secret: Secret) -> bytes | memoryview:
    """Return a Parquet file in sealed pieces: each row group, and at last what tells of them."""
    data = memoryview(_plain(batch, groups))
    blocks = [Block(0, group.low, group.high, group.rows) for group in groups]
    blocks.append(Block(0, 0, 0, 0))
    pieces = [data[start:stop] for start, stop in pairwise(pieces_of(data))]
    return pack(zip(blocks, pieces, strict=True), secret)


class _Rows(Protocol):
    groups: list[RowGroup]

    def load(self, place: int) -> Batch: ...


class _Nothing:
    """The rows of a partition that was let go of."""

    def __init__(self) -> None:
        self.groups: list[RowGroup] = []

    def load(self, place: int) -> Batch:
        raise FileNotFoundError(place)


class _Parquet:
    """Row groups of a Parquet file."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self._path, self._schema = path, schema
        with reader(path, schema) as file:
            self._metadata: Any = file.metadata
        told = json.loads(self._metadata.metadata[b"livewidget"])
        self.groups = [RowGroup(*each) for each in told]

    def load(self, place: int) -> Batch:
        with reader(self._path, self._schema, self._metadata) as file:
            return from_arrow(file.read_row_group(place, use_threads=False), self._schema)


class _Sealed:
    """Row groups of a Parquet file whose pieces are sealed one by one."""

    def __init__(self, path: Path, schema: Schema, secret: Secret | None, first: int) -> None:
        self._blocks, self._schema = Blocks(path, secret), schema
        *groups, _ = self._blocks.blocks
        self.groups = []
        for block in groups:
            self.groups.append(RowGroup(first, block.rows, block.low, block.high))
            first += block.rows
        self._starts = list(accumulate((it.size - NONCE - TAG for it in groups), initial=0))
        foot = self._blocks.load(len(groups))
        self._size = self._starts[-1] + len(foot)
        with reader(self._image(len(groups), foot), schema) as file:
            self._metadata: Any = file.metadata

    def load(self, place: int) -> Batch:
        image = self._image(place, self._blocks.load(place))
        with reader(image, self._schema, self._metadata) as file:
            return from_arrow(file.read_row_group(place, use_threads=False), self._schema)

    def _image(self, place: int, piece: bytes) -> Any:
        """Return the file with one piece in its place; the rest is empty, and takes no memory."""
        image = bytearray(self._size)
        image[self._starts[place] : self._starts[place] + len(piece)] = piece
        return pyarrow().BufferReader(image)


class Partition:
    """The rows and levels of one closed partition, read when they are asked for. Any thread.

    Methods raise StoreError for a file of rows that cannot be read. One that has been let go of
    since, by this process or another, has no rows.
    """

    def __init__(
        self, title: Title, nbytes: int, folder: Folder, schema: Schema, secret: Secret | None
    ) -> None:
        self.title = title
        self.nbytes = nbytes
        self.path = folder.file(PARTS, title.file)
        self.levels_path = folder.file(LEVELS, f"{title.stem}.levels")
        self.bad_levels = ""  # why its levels cannot be used, once they were looked at
        self.schema = schema
        self._folder, self._secret = folder, secret
        self._lock = threading.Lock()
        self._rows: _Rows | None = None
        self._blocks: Blocks | None = None

    @property
    def groups(self) -> list[RowGroup]:
        """Its row groups, by rising numbers."""
        return self._opened().groups

    def load(self, place: int) -> Batch:
        """Return the rows of a group in the order of their numbers."""
        rows = self._opened()
        try:
            batch = rows.load(place)
        except FileNotFoundError:
            self._check_let_go()
            return Batch.empty(self.schema)
        except (OSError, ValueError, StoreError) as error:  # pyarrow raises kinds of these
            raise self._damaged(error) from None
        if len(batch) != rows.groups[place].rows:
            raise self._damaged("a row group has other rows than it should")
        return batch

    def levels(self) -> list[Block]:
        """Return the blocks of its levels; none where they are lost, and `bad_levels` says why."""
        with self._lock:
            if self._blocks is None and not self.bad_levels:
                try:
                    self._blocks = Blocks(self.levels_path, self._secret)
                except (OSError, ValueError, StoreError) as error:
                    if self.path.exists():
                        self._lose(error)
            return [] if self._blocks is None else self._blocks.blocks

    def level(self, place: int) -> Batch | None:
        """Return the rows of a block, None where they are lost."""
        blocks = self._blocks
        if blocks is None:
            return None
        try:
            return unpack(blocks.load(place), self.schema)
        except (OSError, ValueError, StoreError) as error:
            with self._lock:
                self._lose(error)
            return None

    def mend(self, by: str | None) -> None:
        """Write its levels anew, from its rows. Raises OSError, StoreError."""
        whole = concat([self.load(place) for place in range(len(self.groups))])
        data = pack(blocks_of(levels_of(whole, by)), self._secret)
        self._folder.replace(self.levels_path, data, sync=True)
        with self._lock:
            self._blocks, self.bad_levels = None, ""

    def remove(self) -> None:
        """Let go of its files: the rows first, so that no crash leaves them without levels."""
        self.path.unlink(missing_ok=True)
        self.levels_path.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def _opened(self) -> _Rows:
        with self._lock:
            if self._rows is None:
                try:
                    self._rows = self._open()
                except FileNotFoundError:
                    self._check_let_go()
                    return _Nothing()
                except (OSError, ValueError, KeyError, TypeError, StoreError) as error:
                    raise self._damaged(error) from None
            return self._rows

    def _open(self) -> _Rows:
        title = self.title
        if title.sealed:
            rows: _Rows = _Sealed(self.path, self.schema, self._secret, title.first)
        else:
            rows = _Parquet(self.path, self.schema)
        if sum(group.rows for group in rows.groups) != title.rows:
            raise StoreError("it has other rows than its name says")
        return rows

    def _lose(self, error: object) -> None:
        self._blocks, self.bad_levels = None, str(error) or type(error).__name__
        log.warning("%s: its levels are passed over: %s", self.levels_path.name, error)

    def _check_let_go(self) -> None:
        """Raise StoreError where it is gone, and no one let go of it."""
        about = self._folder.about()
        if about is None or about.since <= self.title.high:
            raise self._damaged("it is not there any more")

    def _damaged(self, error: object) -> StoreError:
        return StoreError(f"{self.path} cannot be read: {error}")
