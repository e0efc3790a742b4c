"""A store on a server, and tiers of such beside one list, for the tests of both."""

from types import SimpleNamespace

import numpy as np
import pytest

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.sketches.outstanding import cut, in_order, join
from livewidget.storage.tiered import TieredStore
from livewidget.testing import LastingStore, ListStore

SCHEMA = Schema.of({"time": "time", "value": "float", "key": "text"}, "time")


class Server(ListStore):
    """A store that can begin anew with nothing, and says how it was written to.

    Rows whose numbers were passed over are no part of it: it is whole after them.
    """

    def __init__(self, name="server", by=None):
        super().__init__(name, by)
        self.writes = []
        self.pruned = []

    def append(self, batch, first):
        if not self.down and first > self.rows:
            latest = max((int(each.times[-1]) for each in self._batches), default=-EVER)
            self._since = max(self._since, latest + 1, int(batch.times.min()))
        super().append(batch, first)
        self.writes.append((first, len(batch)))

    def doubt(self, before):
        self._since = max(self._since, before)

    def prune(self, before):
        self.pruned.append(before)
        return super().prune(before)

    def lose(self):
        with self._lock:
            self._batches, self._rows, self._since = [], 0, -EVER


def batch_of(times, seed=0):
    rng = np.random.default_rng(seed)
    data = {
        "time": np.asarray(times, dtype="datetime64[ns]"),
        "value": rng.integers(0, 5, len(times)).astype(float),
        "key": rng.choice(["a", "b"], len(times)).tolist(),
    }
    return Batch.of(data, SCHEMA)


def told(batches):
    return [str(row) for batch in batches if batch is not None for row in batch.rows()]


def numbered(first, count):
    """Return rows with their numbers as times."""
    return batch_of(range(first, first + count), first)


class Rig:
    """A TieredStore, the list that it is compared to, and the rows that it did not take yet."""

    def __init__(self, servers, by=None, *, lasting=False, **options):
        self.servers, self.by = servers, by
        self.options = {"open_s": 0.02, "by": by, **options}
        self.durable = (LastingStore if lasting else ListStore)("durable", by)
        self.whole = []  # what was appended
        self.waiting = []  # what the durable store did not take: a stream tries again
        self.begin()

    def begin(self):
        self.store = TieredStore([*self.servers, self.durable], **self.options)
        self.store.open(SCHEMA)

    def append(self, batch):
        self.waiting.append(batch)
        try:
            while self.waiting:
                self.store.append(self.waiting[0], self.store.rows)
                self.whole.append(self.waiting.pop(0))
        except StoreError:
            assert self.durable.down

    def check(self, start, stop, width=0):
        answer = self.store.query(start, stop, width=width)
        found = list(answer.batches)
        missing = [(each.start, each.stop) for each in answer.missing]
        if self.whole:
            for low, high in clear(missing, start, stop, width):
                rows = join([in_order(concat(self.whole))], low, high, width, self.by)
                assert told(cut(each, low, high) for each in found) == told([rows])
        else:
            assert not found
        return answer.missing


def clear(missing, start, stop, width):
    """Return the ranges that nothing missing touches; of whole buckets where there is a width."""
    at = start
    for low, high in [*missing, (stop, stop)]:
        edge = low if not width or low == stop else max(at, low // width * width)
        if at < edge:
            yield at, edge
        at = high if not width else min(stop, -(-high // width) * width)


@pytest.fixture
def house():
    return SimpleNamespace(
        Server=Server, Rig=Rig, batch_of=batch_of, numbered=numbered, told=told, schema=SCHEMA
    )


@pytest.fixture
def rigged():
    """Return a rig of one server, closed at the end."""
    rigs = []

    def make(*servers, **options):
        rigs.append(Rig(servers or (Server(),), **options))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.store.close()
