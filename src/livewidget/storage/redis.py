"""The last hour in Redis: chunks of rows that live for a time, and levels of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from livewidget.data.batch import Batch
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, StoreError, quote
from livewidget.data.history import EVER, check_range, chunks
from livewidget.data.schema import Schema
from livewidget.sketches.outstanding import cut, join
from livewidget.storage.base import Store, StoreStats
from livewidget.storage.blob import load
from livewidget.storage.described import from_json, to_json
from livewidget.storage.growth import Growth, grow
from livewidget.storage.redis_link import RedisLink
from livewidget.storage.shelf import Shelf, answer, check_kept, check_schema
from livewidget.storage.tree import Key, Node, Piece

if TYPE_CHECKING:
    from redis.client import Pipeline

VERSION = 1
_LOOKED = 256  # of the oldest chunks asked for at once
_FETCHED = 64  # chunks read at once where all rows are asked for: 16 MB at four columns
_META = ("version", "life", "rows", "since", "schema", "by")


class RedisStore(Store):
    """Rows in a Redis at `url` (`redis://`, `rediss://`, `unix://`), each for `ttl` after it came.

    All keys begin with `name`. `by` is the text column whose keys each have levels of their own.
    `user` and `password` beat those of the URL. `connect_timeout` and `timeout` are seconds or
    durations; `cache_mb` bounds the levels and chunks that readers keep at hand. Needs the extra
    `redis`. A Redis that lost its data goes on with the numbers, and `since` tells from when on.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "livewidget",
        ttl: Any = "1h",
        by: str | None = None,
        user: str | None = None,
        password: str | None = None,
        connect_timeout: Any = 5,
        timeout: Any = 10,
        cache_mb: float = 64,
    ) -> None:
        if not name or not isinstance(name, str):
            raise SettingError(f"name is the text that keys begin with, got {quote(name)}")
        limits = seconds(connect_timeout, "connect_timeout"), seconds(timeout, "timeout")
        self._link = RedisLink(url, user, password, *limits)
        self.name = f"{self._link.shown} {name}"
        self._prefix = name
        self._ttl_ms = max(1, round(seconds(ttl, "ttl") * 1e3))
        self._by = by
        self._schema: Schema | None = None
        self._shelf = Shelf(int(cache_mb * 2**20), chunks_stay=True)
        self._life = ""
        self._rows = 0
        self._latest = -EVER
        self._gone: list[Node] = []  # to be taken from the index by the writer
        self._closed = True

    def open(self, schema: Schema | None = None) -> None:
        """Connect, and take up what is there."""
        self._closed = False
        with self._link.errors():
            self._refresh()
        if schema is not None:
            self._schema = check_schema(self._schema, schema, self._by)

    @property
    def schema(self) -> Schema | None:
        """The schema of the rows."""
        return self._schema

    @property
    def rows(self) -> int:
        """How many rows were ever appended; those that Redis lost count too."""
        return self._rows

    def append(self, batch: Batch, first: int) -> None:
        """Write a batch, less the rows that are there, in one transaction."""
        if not len(batch):
            return
        self._schema = check_schema(self._schema, batch.schema, self._by)
        with self._link.errors(), self._link.client().pipeline() as pipe:
            pipe.watch(self._key("meta"))  # type: ignore[no-untyped-call]  # of redis-py
            kept = self._kept(pipe.hmget(self._key("meta"), *_META))
            if kept is None or kept[0] != self._life or kept[1] != self._shelf.tree.rows:
                self._refresh()
            there = kept[1] if kept else 0
            fresh = batch.take(slice(max(0, there - first), None))
            self._write(pipe, fresh, max(first, there), there)
            self._rows = max(self._rows, there, first + len(batch))

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time."""
        with self._link.errors():
            self._refresh()
        with self._shelf.lock:
            return self._shelf.tree.span()

    def since(self) -> int:
        """Return from when on all is here; where Redis cannot be asked, as it was last known."""
        try:
            with self._link.errors():
                self._refresh()
        except StoreError:
            return self._shelf.since
        return self._shelf.since

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield the rows of a range."""
        check_range(start, stop, width)
        return self._read(start, stop, width)

    def doubt(self, before: int) -> None:
        """Note that rows before a time are missing; written with the next rows."""
        self._shelf.whole_from(before)

    def prune(self, before: int) -> int:
        """Let go of chunks that end before a time."""
        with self._link.errors():
            self._refresh()
            with self._shelf.lock:
                tree = self._shelf.tree
                nodes = [*tree.chunks.values(), *tree.groups.values()]
            old = [node for node in nodes if node.high < before]
            if not old:
                return 0
            self._shelf.whole_from(max(node.high for node in old) + 1)
            with self._link.client().pipeline() as pipe:
                pipe.delete(*(self._key(*key) for node in old for key in _keys(node)))
                pipe.zrem(self._key("index"), *(node.pack() for node in old))
                pipe.hset(self._key("meta"), "since", self._shelf.since)
                pipe.execute()
        with self._shelf.lock:
            for node in old:
                tree.remove(node)
        return sum(node.rows for node in old if node.tier < 0)

    def stats(self) -> StoreStats:
        """Return what there is, as it was last known."""
        with self._shelf.lock:
            tree = self._shelf.tree
            rows = sum(node.rows for node in tree.chunks.values())
            nbytes = sum(node.nbytes for node in (*tree.chunks.values(), *tree.groups.values()))
        down = self._link.down
        state = "closed" if self._closed else "failing" if down else "open"
        return StoreStats(rows, nbytes, state, down)

    def close(self) -> None:
        """Close the connections; what was appended is there."""
        self._closed = True
        self._link.close()

    def _key(self, *parts: object) -> str:
        return ":".join([self._prefix, *map(str, parts)])

    def _kept(self, found: Sequence[Any]) -> tuple[str, int, int] | None:
        """Return life, rows and since of the meta hash, whose schema is taken up; None for none."""
        if None in found:
            return None
        version, life, rows, since, schema, by = (value.decode() for value in found)
        check_kept(self._link.shown, self._prefix, (int(version), by or None), (VERSION, self._by))
        self._schema = check_schema(self._schema, from_json(schema), self._by)
        return life, int(rows), int(since)

    def _write(self, pipe: Pipeline, fresh: Batch, first: int, there: int) -> None:
        """Queue the rows and what they fill, and execute; then take them up."""
        if not len(fresh):
            return
        assert self._schema is not None
        life = self._life
        if first > there or there < self._rows or not life:
            # Rows with numbers in between are lost: their times are not known to be later.
            if first:
                self._shelf.whole_from(max(self._latest + 1, int(fresh.times.min())))
            life = secrets.token_hex(8)
        with self._shelf.lock:
            grown = grow(self._shelf.tree, fresh, first, self._fetched, self._by)
        gone, self._gone = self._gone, []
        pipe.multi()
        self._queue(pipe, grown)
        if gone:
            pipe.zrem(self._key("index"), *(node.pack() for node in gone))
        told = (VERSION, life, first + len(fresh), self._shelf.since, to_json(self._schema))
        values: Any = dict(zip(_META, (*told, self._by or ""), strict=True))
        pipe.hset(self._key("meta"), mapping=values)
        pipe.execute()
        self._take_up(grown, life)

    def _queue(self, pipe: Pipeline, grown: Growth) -> None:
        for key, data in grown.blobs.items():
            pipe.set(self._key(*key), data, px=self._ttl_ms)
        pipe.zadd(self._key("index"), {node.pack(): node.end for node in grown.nodes})

    def _take_up(self, grown: Growth, life: str) -> None:
        with self._shelf.lock:
            self._life = life
            for node in grown.nodes:
                self._add(node)
        for key, batch in grown.batches.items():
            self._shelf.put(key, batch)

    def _add(self, node: Node) -> None:
        self._shelf.tree.add(node)
        self._latest = max(self._latest, node.high)

    def _refresh(self) -> None:
        """Take up what was written since, and let go of what has expired: one round trip."""
        with self._shelf.lock:
            known, life = self._shelf.tree.rows, self._life
            oldest = next(iter(self._shelf.tree.chunks.values()), None)
        with self._link.client().pipeline() as pipe:
            pipe.hmget(self._key("meta"), *_META)
            pipe.zrangebyscore(self._key("index"), f"({known}", "+inf")
            if oldest is not None:
                pipe.exists(self._key(*_keys(oldest)[0]))
            found, nodes, *there = pipe.execute()
        kept = self._kept(found)
        if anew := kept is None or kept[0] != life or kept[1] < known:
            nodes, there = self._every_node() if kept else [], [0]
        with self._shelf.lock:
            if self._life != life or (anew and self._shelf.tree.rows != known):
                return  # another thread has gone on from there, and this is older
            if anew:
                self._renew(kept)
            if kept is not None:
                self._shelf.whole_from(kept[2])
                self._rows = max(self._rows, kept[1])
            for data in nodes:
                self._add(Node.unpack(data))
        if not all(there):
            self._let_go()

    def _renew(self, kept: tuple[str, int, int] | None) -> None:
        """Begin anew with another life of the server's data."""
        if (kept[1] if kept else 0) < self._rows:  # it lost the last rows at least
            self._shelf.whole_from(self._latest + 1)
        self._shelf.clear()
        self._life = kept[0] if kept else ""

    def _every_node(self) -> list[Any]:
        every: list[Any] = self._link.client().zrangebyscore(self._key("index"), "-inf", "+inf")
        return every

    def _let_go(self) -> None:
        """Take the chunks that have expired from the tree: the oldest ones, up to one that has not.

        Groups go with their last chunk.
        """
        while True:
            with self._shelf.lock:
                oldest = list(self._shelf.tree.chunks.values())[:_LOOKED]
            with self._link.client().pipeline(transaction=False) as pipe:
                for node in oldest:
                    pipe.exists(self._key(*_keys(node)[0]))
                there = pipe.execute()
            expired = oldest[: [*there, 1].index(1)]
            with self._shelf.lock:
                for node in expired:
                    self._shelf.lose(Piece(node, 0, node.low, node.high))
                first = next(iter(self._shelf.tree.chunks), self._shelf.tree.rows)
                groups = [it for it in self._shelf.tree.groups.values() if it.end <= first]
                for node in groups:
                    self._shelf.tree.remove(node)
                self._gone = [*self._gone, *expired, *groups][-100_000:]
            if len(expired) < _LOOKED:
                return

    def _read(self, start: int, stop: int, width: int) -> Iterator[Batch]:
        with self._link.errors():
            self._refresh()
        with self._shelf.lock:
            low, high = self._shelf.tree.span() or (0, -1)
            start, stop = max(start, low), min(stop, high + 1)
            since = self._shelf.since
            tree = self._shelf.tree
            plans = list(tree.windows(start, stop, width, since)) if width and start < stop else []
            every = () if width else tree.chunks.values()
            whole = [it for it in every if it.low < stop and it.high >= start]
        for pieces in plans:
            yield from chunks(self._answered(pieces, width))
        if not width:
            yield from self._all(sorted(whole, key=lambda node: node.low), start, stop)

    def _answered(self, pieces: list[Piece], width: int) -> Batch | None:
        """Return the rows of pieces; where bytes are gone, by what else answers for the range."""
        start, stop = _range(pieces)
        while True:
            with self._link.errors():
                batches = self._found([piece.key for piece in pieces])
            lost = [it for it, batch in zip(pieces, batches, strict=True) if batch is None]
            if not lost:
                there = [batch for batch in batches if batch is not None]
                return answer(pieces, there, width, self._by)
            with self._shelf.lock:
                for piece in lost:
                    self._shelf.lose(piece)
                pieces = self._shelf.tree.plan(start, stop, width, self._shelf.since)

    def _all(self, nodes: list[Node], start: int, stop: int) -> Iterator[Batch]:
        """Yield all rows of chunks, which are by their first time."""
        held: list[tuple[int, Batch]] = []
        for place in range(0, len(nodes), _FETCHED):
            several = nodes[place : place + _FETCHED]
            with self._link.errors():
                batches = self._found([(it.tier, it.first, 0) for it in several], keep=False)
            held += [
                (node.first, cut(batch, start, stop))
                for node, batch in zip(several, batches, strict=True)
                if batch is not None
            ]
            more = nodes[place + _FETCHED : place + _FETCHED + 1]
            bound = more[0].low if more else stop
            held.sort(key=lambda each: each[0])
            yield from chunks(join([batch for _, batch in held], start, bound))
            rests = ((first, cut(batch, bound, stop)) for first, batch in held)
            held = [(first, rest) for first, rest in rests if len(rest)]

    def _fetched(self, keys: Sequence[Key]) -> list[Batch]:
        return [batch for batch in self._found(keys) if batch is not None]

    def _found(self, keys: Sequence[Key], *, keep: bool = True) -> list[Batch | None]:
        """Return the batch of each key, None where its bytes are gone: one round trip."""
        found = {key: self._shelf.get(key) for key in keys}
        rest = [key for key, batch in found.items() if batch is None]
        if rest and self._schema is not None:
            values: list[Any] = self._link.client().mget([self._key(*it) for it in rest])
            for key, data in zip(rest, values, strict=True):
                if data is not None:
                    found[key] = batch = load(data, self._schema)
                    if keep:
                        self._shelf.put(key, batch)
        return [found[key] for key in keys]


def _range(pieces: Sequence[Piece]) -> tuple[int, int]:
    starts, stops = [it.start for it in pieces], [it.stop for it in pieces]
    return min(starts, default=0), max(stops, default=0)


def _keys(node: Node) -> list[Key]:
    """Return the keys of a node's bytes."""
    widths = [width for width, _ in node.levels] if node.tier >= 0 else [0]
    return [(node.tier, node.first, width) for width in widths]
