"""How a range is answered: nodes of rows and levels by time, joined as they come."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from livewidget.data.batch import Batch, concat
from livewidget.data.history import CHUNK_ROWS, chunks
from livewidget.data.text import Text
from livewidget.sketches.ladder import serves
from livewidget.sketches.outstanding import cut, in_order, join, stand_for
from livewidget.sketches.pyramid import pick, pyramid
from livewidget.storage.embedded.log import GROUP_ROWS, Group, Log
from livewidget.storage.embedded.partition import Partition
from livewidget.storage.pieces import floor

Levels = dict[int, Batch]
_LARGE = 4096  # rows that are worth a thread: half a ms
_SEVERAL = 2  # large nodes from which on threads pay
_BESIDE = 2  # threads that decode for one read: more gain nothing beside a caller that computes
_MANY = 1024  # rows of a node that are worth to be chosen from beforehand
_AHEAD = 4  # nodes that are decoded before their turn: 10 MB at five columns
_OVERHEAD = 512  # bytes of what is cached beside its rows


class Cache:
    """Decoded rows and levels, at most `most` bytes; those longest not asked for go. Any thread.

    What a key names never changes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[Levels, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Levels]) -> Levels:
        """Return what is kept, or made now: rows (at width 0) and levels."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found[0]
        made = make()
        size = _OVERHEAD + sum(map(nbytes, made.values()))
        with self._lock:
            old = self._kept.pop(key, None)
            self._bytes += size - (old[1] if old else 0)
            self._kept[key] = made, size
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]
        return made


def nbytes(batch: Batch) -> int:
    """Return the bytes of a batch's columns."""
    return sum((it.codes if isinstance(it, Text) else it).nbytes for it in batch.columns)


@dataclass(frozen=True, slots=True)
class Node:
    """Rows to be read: none before `low` (ns); of equal times those of a smaller `number` first.

    `rows` are so many as are decoded for it.
    """

    low: int
    number: int
    rows: int
    fetch: Callable[[], Batch]


@dataclass(frozen=True, slots=True)
class Asked:
    """A range [start, stop) at a width (ns; 0 for all rows), for each key of the column `by`."""

    start: int
    stop: int
    width: int
    by: str | None


def in_log(log: Log, groups: Sequence[Group], asked: Asked, cache: Cache) -> list[Node]:
    """Return the nodes of groups of a log. Its owner's lock is held."""
    nodes = []
    for group in groups:
        if asked.start <= group.high and group.low < asked.stop:
            low = max(group.low, asked.start)
            fetch = _of_group(log, group, asked, cache)
            nodes.append(Node(low, group.first, group.rows, fetch))
    return nodes


def _of_group(log: Log, group: Group, asked: Asked, cache: Cache) -> Callable[[], Batch]:
    if group.rows < GROUP_ROWS and group.records is not None:  # it grows: as it is now
        rows = log.batch(group)
        return lambda: cut(in_order(rows), asked.start, asked.stop)
    key = (log.first, log.life, group.start, bool(asked.width))

    def make() -> Levels:
        whole = in_order(log.batch(group))
        return {0: whole} | (pyramid(whole, asked.by) if asked.width else {})

    def fetch() -> Batch:
        levels = dict(cache.get(key, make))
        whole = levels.pop(0)
        return pick(levels, whole, asked.start, asked.stop, asked.width)

    return fetch


def in_partition(part: Partition, asked: Asked, cache: Cache) -> list[Node]:
    """Return the nodes of a partition: whole buckets from levels, the rest from rows."""
    title = part.title
    if asked.stop <= title.low or asked.start > title.high:
        return []
    left, nodes = [(asked.start, asked.stop)], []
    blocks = list(enumerate(part.levels())) if asked.width else []
    for rung in sorted({block.width for _, block in blocks}, reverse=True):
        if not serves(rung, asked.width):
            continue
        rest = []
        for start, stop in left:
            low = start if start <= title.low else -(-start // rung) * rung
            high = stop if stop > title.high else stop // rung * rung
            if low >= high:
                rest.append((start, stop))
                continue
            for place, block in blocks:
                if block.width == rung and low <= block.high and block.low < high:
                    fetch = _of_level(part, place, (low, high), cache)
                    nodes.append(Node(max(low, block.low), title.first, block.rows, fetch))
            rest += [(a, b) for a, b in ((start, low), (high, stop)) if a < b]
        left = rest
    for edges in left:
        nodes += _of_rows(part, edges, cache)
    return nodes


def _of_rows(part: Partition, edges: tuple[int, int], cache: Cache) -> Iterator[Node]:
    start, stop = edges
    if stop <= part.title.low or start > part.title.high:
        return
    for place, group in enumerate(part.groups):
        if start <= group.high and group.low < stop:
            fetch = _of_row_group(part, place, edges, cache)
            yield Node(max(start, group.low), group.first, group.rows, fetch)


def _of_row_group(
    part: Partition, place: int, edges: tuple[int, int], cache: Cache
) -> Callable[[], Batch]:
    key = (part.title.first, place)

    def fetch() -> Batch:
        return cut(cache.get(key, lambda: {0: in_order(part.load(place))})[0], *edges)

    return fetch


def _of_level(
    part: Partition, place: int, edges: tuple[int, int], cache: Cache
) -> Callable[[], Batch]:
    """Return a block of a level; where its bytes are lost, all rows that it was chosen from."""
    block = part.levels()[place]
    inside = max(edges[0], block.low), min(edges[1], block.high + 1)
    key = (part.title.first, -1 - place)

    def make() -> Levels:
        level = part.level(place)
        return {} if level is None else {0: level}

    def fetch() -> Batch:
        level = cache.get(key, make).get(0)
        if level is not None:
            return cut(level, *inside)
        rows = [node.fetch() for node in _of_rows(part, inside, cache)]
        return in_order(concat(rows)) if rows else Batch.empty(part.schema)

    return fetch


def merged(nodes: Sequence[Node], asked: Asked) -> Iterator[Batch]:
    """Yield the answer of nodes by rising time, a few of them in memory at a time."""
    nodes = sorted(nodes, key=lambda node: node.low)
    held: list[tuple[int, Batch]] = []
    edge, size = asked.start, 0
    for place, (node, part) in enumerate(_fetched(nodes, asked)):
        held.append((node.number, part))
        size += len(part)
        last = place + 1 == len(nodes)
        if size < CHUNK_ROWS and not last:
            continue
        bound = asked.stop if last else floor(nodes[place + 1].low, asked.width)
        if bound <= edge:
            continue
        held.sort(key=lambda each: each[0])
        batches = [batch for _, batch in held]
        yield from chunks(join(batches, edge, bound, asked.width, asked.by))
        rests = ((number, cut(batch, bound, asked.stop)) for number, batch in held)
        held = [(number, rest) for number, rest in rests if len(rest)]
        edge, size = bound, sum(len(rest) for _, rest in held)


def _fetched(nodes: Sequence[Node], asked: Asked) -> Iterator[tuple[Node, Batch]]:
    """Yield each node with its rows; large ones are decoded beside one another, ahead of time."""
    if sum(node.rows > _LARGE for node in nodes) < _SEVERAL:
        for node in nodes:
            yield node, _chosen(node, asked)
        return
    large = iter([node for node in nodes if node.rows > _LARGE])
    ahead: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(_BESIDE, "livewidget-read") as pool:
        ahead.extend(pool.submit(_chosen, node, asked) for node in islice(large, _AHEAD))
        try:
            for node in nodes:
                if node.rows <= _LARGE:
                    yield node, _chosen(node, asked)
                    continue
                rows = ahead.popleft().result()
                ahead.extend(pool.submit(_chosen, each, asked) for each in islice(large, 1))
                yield node, rows
        finally:
            for each in ahead:
                each.cancel()


def _chosen(node: Node, asked: Asked) -> Batch:
    """Return the rows of a node, at a width those that stand for its part of each bucket.

    They are chosen from again when they are joined: of few rows, and these from a cache.
    """
    rows = node.fetch()
    return stand_for(rows, asked.width, asked.by) if len(rows) > _MANY else rows
