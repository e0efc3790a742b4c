"""Which stored pieces answer for a range at a width: chunks of rows, and groups with levels.

Rows are grouped by their numbers, in groups of `SIZES[0]` and groups of those. A group that is full
keeps levels (rows that stand for buckets, `sketches.outstanding`), and never changes again: late
rows have later numbers and so come into later groups. What is wide is answered by few large
groups, and what their whole buckets do not cover by smaller groups and at last by rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from livewidget.sketches.ladder import serves

SIZES = (1 << 16, 1 << 20, 1 << 24)  # rows of a group of each tier
CHUNK = -1  # the tier of chunks: rows as they came
MOST_ROWS = 1 << 21  # of pieces that are joined at once: 64 MB at four columns
Key = tuple[int, int, int]  # tier, first row, width: names the bytes of one level or chunk
_FIXED = struct.Struct("<bqqqqq")
_LEVEL = struct.Struct("<qq")


@dataclass(frozen=True, slots=True)
class Node:
    """A chunk or a group: its tier, first row, rows, first and last time (ns) and bytes.

    `levels` are widths (ns) and the rows at each, from the narrowest.
    """

    tier: int
    first: int
    rows: int
    low: int
    high: int
    nbytes: int = 0
    levels: tuple[tuple[int, int], ...] = ()

    @property
    def end(self) -> int:
        """The number after its last row."""
        return self.first + self.rows

    def pack(self) -> bytes:
        """Return it as bytes."""
        fixed = _FIXED.pack(self.tier, self.first, self.rows, self.low, self.high, self.nbytes)
        return fixed + b"".join(_LEVEL.pack(*level) for level in self.levels)

    @classmethod
    def unpack(cls, data: bytes) -> Node:
        """Return the node of `pack`."""
        tier, first, rows, low, high, nbytes = _FIXED.unpack_from(data)
        levels = tuple((width, size) for width, size in _LEVEL.iter_unpack(data[_FIXED.size :]))
        return cls(tier, first, rows, low, high, nbytes, levels)


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a node in [start, stop), at a level of `width` or, where that is 0, its rows."""

    node: Node
    width: int
    start: int
    stop: int

    @property
    def key(self) -> Key:
        """The name of the bytes it is in."""
        return (self.node.tier, self.node.first, self.width)

    def rows(self) -> int:
        """About how many rows that is."""
        span = self.node.high - self.node.low + 1
        part = min(self.stop, self.node.high + 1) - max(self.start, self.node.low)
        rows = dict(self.node.levels).get(self.width, self.node.rows)
        return int(rows * min(1.0, part / span)) + 1


class Tree:
    """The nodes there are. Not for several threads at once: its owner has a lock.

    `chunks_stay` says whether the chunks of a full group stay; else its rows are elsewhere, and a
    piece of tier 0 at width 0 asks for them.
    """

    def __init__(self, *, chunks_stay: bool) -> None:
        self.rows = 0
        self.chunks: dict[int, Node] = {}  # by first row, rising
        self.groups: dict[tuple[int, int], Node] = {}  # by tier and place
        self.chunks_stay = chunks_stay
        self._inside: dict[int, list[Node]] = {}
        self._span: tuple[int, int] | None = None  # None where it is to be looked for

    def add(self, node: Node) -> None:
        """Add a node; one that is there already is replaced."""
        self.rows = max(self.rows, node.end)
        if self._span is not None:
            self._span = min(self._span[0], node.low), max(self._span[1], node.high)
        if node.tier == CHUNK:
            if node.first not in self.chunks:
                self.chunks[node.first] = node
                self._inside.setdefault(node.first // SIZES[0], []).append(node)
            return
        self.groups[node.tier, node.first // SIZES[node.tier]] = node
        if not node.tier and not self.chunks_stay:
            for chunk in self._inside.pop(node.first // SIZES[0], []):
                del self.chunks[chunk.first]

    def remove(self, node: Node) -> None:
        """Forget a node."""
        self._span = None
        if node.tier != CHUNK:
            self.groups.pop((node.tier, node.first // SIZES[node.tier]), None)
        elif self.chunks.pop(node.first, None) is not None:
            place = node.first // SIZES[0]
            self._inside[place].remove(node)
            if not self._inside[place]:
                del self._inside[place]

    def inside(self, place: int) -> list[Node]:
        """Return the chunks of the group of tier 0 at a place, by rising numbers."""
        return self._inside.get(place, [])

    def span(self) -> tuple[int, int] | None:
        """Return the first and last time of all nodes."""
        nodes = [*self.chunks.values(), *self.groups.values()] if self._span is None else []
        if nodes:
            self._span = min(n.low for n in nodes), max(n.high for n in nodes)
        return self._span

    def plan(self, start: int, stop: int, width: int, since: int) -> list[Piece]:
        """Return the pieces for a range at a width above 0, by rising row numbers.

        Groups that hold times before `since` may have lost rows, and their levels are passed over.
        """
        pieces: list[Piece] = []
        for tier, place in self._roots():
            pieces += self._visit(tier, place, Piece(_ALL, width, start, stop), since)
        return sorted(pieces, key=lambda piece: piece.node.first)

    def windows(self, start: int, stop: int, width: int, since: int) -> Iterator[list[Piece]]:
        """Yield plans for a range, cut between buckets where one would be too many rows."""
        pieces = self.plan(start, stop, width, since)
        middle = (start + stop) // 2 // width * width
        if sum(piece.rows() for piece in pieces) <= MOST_ROWS or not start < middle < stop:
            yield pieces
            return
        yield from self.windows(start, middle, width, since)
        yield from self.windows(middle, stop, width, since)

    def _roots(self) -> list[tuple[int, int]]:
        """Return the groups that no larger one holds, and the places of chunks without a group."""
        ratio = SIZES[1] // SIZES[0]
        groups = [key for key in self.groups if (key[0] + 1, key[1] // ratio) not in self.groups]
        return groups + [(0, place) for place in self._inside if (0, place) not in self.groups]

    def _visit(self, tier: int, place: int, asked: Piece, since: int) -> Iterator[Piece]:
        node = self.groups.get((tier, place))
        if node is None:
            yield from () if tier else self._rows(place, asked)
            return
        if asked.stop <= node.low or asked.start > node.high:
            return
        left = [(asked.start, asked.stop)]
        for rung, _ in reversed(node.levels if node.low >= since else ()):
            if serves(rung, asked.width):
                covers = [_cover(node, rung, edge) for edge in left]
                yield from (piece for piece, _ in covers if piece is not None)
                left = [rest for _, rests in covers for rest in rests]
        for start, stop in left:
            yield from self._below(node, Piece(node, asked.width, start, stop), since)

    def _below(self, node: Node, asked: Piece, since: int) -> Iterator[Piece]:
        place = node.first // SIZES[0]
        if node.tier:
            ratio = SIZES[node.tier] // SIZES[node.tier - 1]
            place = node.first // SIZES[node.tier]
            for child in range(place * ratio, (place + 1) * ratio):
                yield from self._visit(node.tier - 1, child, asked, since)
        elif self.chunks_stay:
            yield from self._rows(place, asked)
        else:
            yield Piece(node, 0, asked.start, asked.stop)

    def _rows(self, place: int, asked: Piece) -> Iterator[Piece]:
        for chunk in self.inside(place):
            if asked.start <= chunk.high and chunk.low < asked.stop:
                yield Piece(chunk, 0, asked.start, asked.stop)


_ALL = Node(len(SIZES), 0, 0, 0, 0)


def _cover(
    node: Node, rung: int, edge: tuple[int, int]
) -> tuple[Piece | None, list[tuple[int, int]]]:
    """Return what whole buckets of a rung cover of a range, and the ranges that are left.

    Where the range goes beyond the node, all of the node's rows at that end are asked for.
    """
    start, stop = edge
    if stop <= node.low or start > node.high:
        return None, []
    low = start if start <= node.low else -(-start // rung) * rung
    high = stop if stop > node.high else stop // rung * rung
    if low >= high:
        return None, [edge]
    return Piece(node, rung, low, high), [(a, b) for a, b in ((start, low), (high, stop)) if a < b]
