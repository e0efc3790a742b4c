"""What a process knows of a PostgreSQL store, and what of it is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage import tree as trees
from livewidget.storage.blob import load
from livewidget.storage.growth import Growth
from livewidget.storage.postgres_schema import SECOND
from livewidget.storage.postgres_tables import Kept, Rows, Tables
from livewidget.storage.shelf import Shelf, answer, check_kept, check_schema
from livewidget.storage.tail import Tail
from livewidget.storage.tree import CHUNK, Key, Node, Piece

if TYPE_CHECKING:
    from psycopg import Connection

_FEW = 8_192  # rows: as many take about as long to be read as the bytes of a group


class Known:
    """The tree of a store's rows, its open group, its partitions, and how far it is.

    What others write is taken up by `refresh`; any thread calls it, and whoever finds that another
    one was faster looks again. `rows` and `latest` (the last time, ns) are over all that was ever
    seen, `kept` and `parts` are the last state of the tables.
    """

    def __init__(self, tables: Tables, shelf: Shelf, width: int, by: str | None) -> None:
        self.schema: Schema | None = None
        self.shelf = shelf
        self.kept: Kept | None = None
        self.parts: dict[int, int] = {}  # rows of each partition, by its place
        self.rows = 0
        self.latest = -EVER
        self._tables = tables
        self._tail = Tail()
        self._width = width
        self._by = by

    def refresh(self, connection: Connection[Any], *, lock: bool = False) -> Kept | None:
        """Take up what was written since, and return how far it is; a round trip where nothing was.

        With `lock`, in a transaction, nobody writes until it ends.
        """
        while True:
            with self.shelf.lock:
                known = self.kept
            kept = self._tables.kept(connection, lock=lock)
            if kept == known:
                return known
            if kept is not None:
                self._check(kept)
            after = self._open_first(known, kept)
            nodes = self._tables.nodes(connection, after) if kept else []
            parts = self._tables.parts(connection) if kept else {}
            with self.shelf.lock:
                # Another thread may have gone on from there, and this is older.
                if self.kept is known:
                    self._follow(kept, nodes, parts, anew=after < 0)
                    return kept

    @staticmethod
    def _open_first(known: Kept | None, kept: Kept | None) -> int:
        """Return the first row of the group that was open; -1 where all is to be read anew."""
        if known is None or kept is None or kept.rows < known.rows:
            return -1
        if (kept.life, kept.drops) != (known.life, known.drops):
            return -1
        return known.rows // trees.SIZES[0] * trees.SIZES[0]

    def _follow(
        self, kept: Kept | None, nodes: Sequence[Node], parts: dict[int, int], *, anew: bool
    ) -> None:
        if anew:
            self.shelf.clear()
            self._tail = Tail()
        rows = kept.rows if kept else 0
        if rows < self.rows:  # it went back to an earlier state
            self.shelf.whole_from(self.latest + 1)
        if kept is not None:
            self.shelf.whole_from(kept.since)
        for node in nodes:
            self._add(node)
        self.rows = max(self.rows, rows)
        self.kept, self.parts = kept, parts

    def _check(self, kept: Kept) -> None:
        check_kept(self._tables.shown, self._tables.table, (0, kept.by), (0, self._by))
        if kept.width != self._width:
            raise StoreError(
                f"{self._tables.shown}: {self._tables.table!r} has partitions of "
                f"{kept.width // SECOND} s, got partition={self._width // SECOND} s"
            )
        self.schema = check_schema(self.schema, kept.schema, self._by)

    def take_up(self, known: Kept | None, grown: Growth, kept: Kept, added: dict[int, int]) -> bool:
        """Take up what was written; False where another thread has moved what was known."""
        with self.shelf.lock:
            if self.kept is not known:
                return False
            self.shelf.whole_from(kept.since)
            there = known.rows if known else 0
            for node in grown.nodes:
                if node.tier == CHUNK:
                    first = self._begin(node.first // trees.SIZES[0])
                    batch = grown.batches[CHUNK, node.first, 0]
                    self._tail.put(max(there, first), node.end, batch)
                    there = node.end
                self._add(node)
            new = {place: self.parts.get(place, 0) + rows for place, rows in added.items()}
            self.kept, self.parts = kept, {**self.parts, **new}
        for key, batch in grown.batches.items():
            if key[0] != CHUNK:
                self.shelf.put(key, batch)
        return True

    def open_group(self, node: Node) -> Node:
        """Return the node of an open group that has got the rows of a node, too."""
        first = node.first // trees.SIZES[0] * trees.SIZES[0]
        nodes = [node, *self.shelf.tree.inside(node.first // trees.SIZES[0])]
        low, high = min(it.low for it in nodes), max(it.high for it in nodes)
        return Node(CHUNK, first, max(it.end for it in nodes) - first, low, high)

    def _add(self, node: Node) -> None:
        """Take a node into the tree, which has one for each group that is not full."""
        tree = self.shelf.tree
        self.latest = max(self.latest, node.high)
        if node.tier == CHUNK:
            place = node.first // trees.SIZES[0]
            if (0, place) in tree.groups:
                return
            node = self.open_group(node)
            for old in list(tree.inside(place)):
                tree.remove(old)
        tree.add(node)

    def _begin(self, place: int) -> int:
        """Have the tail at a place; return the number of its first row."""
        first = place * trees.SIZES[0]
        if self._tail.place != place:
            self._tail.begin(place, first)
        return first

    def planned(
        self, connection: Connection[Any], start: int, stop: int, width: int
    ) -> tuple[list[list[Piece]], Batch | None, int]:
        """Return the plans for a range, and the rows of the open group with its place."""
        while True:
            self.complete(connection)
            with self.shelf.lock:
                if self._lacking() is not None:
                    continue
                tree, since = self.shelf.tree, self.shelf.since
                low, high = tree.span() or (0, -1)
                start, stop = max(start, low), min(stop, high + 1)
                plans = list(tree.windows(start, stop, width, since)) if start < stop else []
                return plans, self._tail.rows(), self._tail.place

    def _lacking(self) -> Node | None:
        """Return the open group, if the tail has not all of its rows."""
        place = self.kept.rows // trees.SIZES[0] if self.kept else 0
        self._begin(place)
        nodes = self.shelf.tree.inside(place)
        return nodes[0] if nodes and nodes[0].end > self._tail.end else None

    def complete(self, connection: Connection[Any]) -> None:
        """Have all rows of the open group at hand."""
        while True:
            with self.shelf.lock:
                node, tail = self._lacking(), self._tail
                there = tail.end
            if node is None or self.schema is None:
                return
            asked = Rows(node.low, node.high + 1, there, node.end)
            batch = self._tables.rows(connection, asked, self.schema)
            with self.shelf.lock:
                tail.put(there, node.end, batch)

    def answered(
        self,
        connection: Connection[Any],
        pieces: Sequence[Piece],
        width: int,
        tail: Batch | None,
        place: int,
    ) -> Batch | None:
        """Return the rows of pieces: of levels, of the open group, of the table for all others."""
        assert self.schema is not None
        levels = self._levels(connection, [piece.key for piece in pieces if self._packed(piece)])
        asked: list[Piece] = []
        batches: list[Batch | None] = []
        runs: dict[tuple[int, int], int] = {}
        for piece in pieces:
            batch = levels.get(piece.key)
            if piece.node.tier == CHUNK and piece.node.first // trees.SIZES[0] == place:
                batch = tail
            run = runs.get((piece.start, piece.stop))
            if batch is None and run is not None and asked[run].node.end == piece.node.first:
                asked[run] = _longer(asked[run], piece)
                continue
            if batch is None:  # rows, or a level that was dropped with its last ones
                runs[piece.start, piece.stop] = len(asked)
            asked.append(piece)
            batches.append(batch)
        whole = [
            self._tables.rows(connection, _rows(piece), self.schema) if batch is None else batch
            for piece, batch in zip(asked, batches, strict=True)
        ]
        return answer(asked, whole, width, self._by)

    def _packed(self, piece: Piece) -> bool:
        """Say whether bytes serve a piece: of a level, or of all rows of a group.

        Few rows of a group that is not at hand are faster to be had by themselves, and of a group
        that is only in part there the bytes still tell of the others.
        """
        if piece.width or piece.node.tier == CHUNK:
            return piece.width > 0
        whole = piece.node.low >= self.shelf.since
        return whole and (piece.rows() > _FEW or self.shelf.get(piece.key) is not None)

    def fetched(self, connection: Connection[Any], keys: Sequence[Key]) -> list[Batch]:
        """Return the batches of keys: all of levels, or the one of the open group."""
        assert self.schema is not None
        if keys[0][0] == CHUNK:
            with self.shelf.lock:
                return [self._tail.rows() or Batch.empty(self.schema)]
        levels = self._levels(connection, keys)
        return [levels[key] for key in keys if key in levels]

    def _levels(self, connection: Connection[Any], keys: Sequence[Key]) -> dict[Key, Batch]:
        """Return those levels that are there: one round trip for all that are not at hand."""
        assert self.schema is not None
        found = {key: batch for key in keys if (batch := self.shelf.get(key)) is not None}
        rest = [key for key in keys if key not in found]
        for key, data in (self._tables.levels(connection, rest) if rest else {}).items():
            found[key] = load(data, self.schema)
            self.shelf.put(key, found[key])
        return found


def _longer(run: Piece, piece: Piece) -> Piece:
    """Return the rows of a run and of the piece that follows, as one."""
    a, b = run.node, piece.node
    node = Node(a.tier, a.first, a.rows + b.rows, min(a.low, b.low), max(a.high, b.high))
    return replace(run, node=node)


def _rows(piece: Piece) -> Rows:
    node = piece.node
    start, stop = max(piece.start, node.low), min(piece.stop, node.high + 1)
    return Rows(start, stop, node.first, node.end)
