"""What a reader of a server keeps at hand: the tree, and batches that were read before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SchemaError, UnfitStoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.sketches.outstanding import cut, in_order, stand_for
from livewidget.storage.tree import CHUNK, Key, Node, Piece, Tree


class Shelf:
    """A tree under a lock, the oldest whole time, and a cache of at most `most` bytes.

    A chunk and a level never change, so what is cached is never stale: what is late is in other
    chunks. `hits` and `misses` count. Any thread.
    """

    def __init__(self, most: int, *, chunks_stay: bool) -> None:
        self.lock = threading.RLock()
        self.since = -EVER
        self.hits = self.misses = 0
        self._most = most
        self._stay = chunks_stay
        self._bytes = 0
        self._batches: OrderedDict[Key, Batch] = OrderedDict()
        self.tree = Tree(chunks_stay=chunks_stay)

    def clear(self) -> None:
        """Forget all but `since`."""
        with self.lock:
            self.tree = Tree(chunks_stay=self._stay)
            self._batches.clear()
            self._bytes = 0

    def whole_from(self, since: int) -> None:
        """Note that rows before a time may be missing."""
        with self.lock:
            self.since = max(self.since, since)

    def lose(self, piece: Piece) -> None:
        """Note that the bytes of a piece are not there any more."""
        with self.lock:
            node = piece.node
            self.tree.remove(node)
            if node.tier == CHUNK:
                self.whole_from(node.high + 1)
                return
            levels = tuple(level for level in node.levels if level[0] != piece.width)
            edges = (node.first, node.rows, node.low, node.high, node.nbytes)
            self.tree.add(Node(node.tier, *edges, levels))

    def get(self, key: Key) -> Batch | None:
        """Return a batch that was put, if it is still here."""
        with self.lock:
            batch = self._batches.get(key)
            if batch is None:
                self.misses += 1
                return None
            self.hits += 1
            self._batches.move_to_end(key)
            return batch

    def put(self, key: Key, batch: Batch) -> None:
        """Keep a batch, and let go of those that were not asked for the longest."""
        with self.lock:
            old = self._batches.pop(key, None)
            self._bytes += _nbytes(batch) - (0 if old is None else _nbytes(old))
            self._batches[key] = batch
            while self._bytes > self._most:
                self._bytes -= _nbytes(self._batches.popitem(last=False)[1])


def answer(
    pieces: Sequence[Piece], batches: Sequence[Batch], width: int, by: str | None
) -> Batch | None:
    """Return the rows of pieces, whose batches are by rising time, chosen at a width."""
    pairs = zip(pieces, batches, strict=True)
    parts = [part for it, batch in pairs if len(part := cut(batch, it.start, it.stop))]
    return stand_for(in_order(concat(parts)), width, by) if parts else None


def check_schema(known: Schema | None, given: Schema, by: str | None) -> Schema:
    """Return the schema. Raises SchemaError for another one than is known, or a wrong `by`."""
    if known not in (None, given):
        raise SchemaError(f"the store holds {known}, got {given}")
    if by is not None and given.kind(by) is not Kind.TEXT:
        raise SchemaError(f"by={by!r} must be a column of text, it is {given.kind(by)}")
    return given


def check_kept(
    shown: str, name: str, kept: tuple[int, str | None], ours: tuple[int, str | None]
) -> None:
    """Raise UnfitStoreError for what a newer version made, and for levels by another column."""
    if kept[0] > ours[0]:
        raise UnfitStoreError(
            f"{shown}: {name!r} is of version {kept[0]}, this program knows up to {ours[0]}"
        )
    if kept[1] != ours[1]:
        raise UnfitStoreError(f"{shown}: {name!r} keeps levels by={kept[1]!r}, got by={ours[1]!r}")


def _nbytes(batch: Batch) -> int:
    return sum((it.codes if isinstance(it, Text) else it).nbytes for it in batch.columns)
