"""The tree of chunks and groups beside all rows at once: what a plan covers, how little it is."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch, concat
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.sketches.outstanding import in_order, join
from livewidget.storage import growth, tree
from livewidget.storage.blob import dump, load
from livewidget.storage.growth import grow
from livewidget.storage.shelf import answer
from livewidget.storage.tree import CHUNK, Node, Tree

SECOND = 1_000_000_000
SIZES = (32, 128, 512)
SCHEMA = Schema.of({"time": "time", "v": "float", "n": "int", "key": "text"}, "time")
BATCHES = st.lists(st.tuples(st.integers(1, 200), st.integers(-200, 20)), min_size=1, max_size=8)
RANGES = st.lists(
    st.tuples(st.integers(-50, 1_500), st.integers(0, 1_500), st.sampled_from([1, 5, 20, 60, 600])),
    min_size=3,
    max_size=6,
)
anyhow = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    for module in (tree, growth):
        monkeypatch.setattr(module, "SIZES", SIZES)
    monkeypatch.setattr(growth, "CHUNK_MOST", 20)
    monkeypatch.setattr(growth, "dump", lambda batch: b"x" * len(batch))  # which is slow
    monkeypatch.setattr(growth, "TOP_ROWS", 60)


def rows(times, first=0):
    numbers = np.arange(first, first + len(times))
    return Batch.of(
        {
            "time": (np.asarray(times) * SECOND).view("M8[ns]"),
            "v": np.where(numbers % 5 == 0, np.nan, np.sin(numbers * 7.0)),
            "n": numbers,
            "key": [None if n % 7 == 0 else f"k{n % 3}" for n in numbers],
        },
        SCHEMA,
    )


class Shop:
    """A tree, the batches of its keys and, beside them, all rows as they came."""

    def __init__(self, stay=True, by=None):
        self.tree = Tree(chunks_stay=stay)
        self.by = by
        self.batches = {}
        self.every = []
        self.rows = 0

    def append(self, times, skip=0):
        self.rows += skip
        batch = rows(times, self.rows)
        grown = grow(self.tree, batch, self.rows, self.fetch, self.by)
        for node in grown.nodes:
            self.tree.add(node)
        self.batches |= grown.batches
        self.every.append(in_order(batch))
        self.rows += len(batch)
        return grown

    def fetch(self, keys):
        return [self.batches[key] for key in keys if key in self.batches]

    def batch(self, piece):
        """The rows of a piece; of a group whose chunks went, those of its numbers."""
        if piece.width or piece.node.tier == CHUNK:
            return self.batches[piece.key]
        whole, node = concat(self.every), piece.node
        return in_order(whole.take((whole["n"] >= node.first) & (whole["n"] < node.end)))

    def answer(self, pieces, width):
        found = answer(pieces, [self.batch(piece) for piece in pieces], width, self.by)
        return [] if found is None else list(map(str, found.rows()))

    def brute(self, start, stop, width):
        found = join(self.every, start, stop, width, self.by)
        return [] if found is None else list(map(str, found.rows()))


def filled(batches, **how):
    shop, now = Shop(**how), 0
    for size, late in batches:
        times = now + late + np.arange(size) * 3 // 2
        shop.append(times[:: -1 if size % 2 else 1])
        now += size
    return shop


def covers(piece, every):
    """Which rows are in a piece."""
    numbers, times = every["n"], every.times
    mine = (piece.node.first <= numbers) & (numbers < piece.node.end)
    return mine & (piece.start <= times) & (times < piece.stop)


@anyhow
@given(batches=BATCHES, ranges=RANGES, stay=st.booleans(), by=st.sampled_from([None, "key"]))
def test_a_plan_answers_as_all_rows_do(batches, ranges, stay, by):
    shop = filled(batches, stay=stay, by=by)
    for low, length, width in ranges:
        edges = low * SECOND, (low + length) * SECOND
        pieces = shop.tree.plan(*edges, width * SECOND, -EVER)
        assert shop.answer(pieces, width * SECOND) == shop.brute(*edges, width * SECOND)


@anyhow
@given(batches=BATCHES, ranges=RANGES, since=st.integers(-EVER, 1_500), stay=st.booleans())
def test_each_row_is_in_one_piece_and_lost_ones_in_no_level(batches, ranges, since, stay):
    shop, since = filled(batches, stay=stay), max(-EVER, since * SECOND)
    for low, length, width in ranges:
        edges = low * SECOND, (low + length) * SECOND
        pieces = shop.tree.plan(*edges, width * SECOND, since)
        firsts = [piece.node.first for piece in pieces]
        assert firsts == sorted(firsts)
        assert not any(piece.width and piece.node.low < since for piece in pieces)
        every = concat(shop.every)
        asked = (edges[0] <= every.times) & (every.times < edges[1])
        there = sum((covers(piece, every) for piece in pieces), np.zeros(len(every), dtype=int))
        assert (there[asked] == 1).all()
        assert not there[~asked].any()


@anyhow
@given(batches=BATCHES, cuts=st.lists(st.integers(1, 700), max_size=6))
def test_how_rows_are_cut_into_batches_does_not_matter_to_groups(batches, cuts):
    times = np.concatenate([k + np.arange(size) for k, (size, _) in enumerate(batches)])
    whole, parts = Shop(), Shop()
    whole.append(times)
    for part in np.split(times, sorted({cut for cut in cuts if cut < len(times)})):
        parts.append(part)
    assert whole.tree.groups == {key: whole.tree.groups[key] for key in parts.tree.groups}
    for key, batch in whole.batches.items():
        if key[0] != CHUNK:
            assert list(map(str, parts.batches[key].rows())) == list(map(str, batch.rows()))


@pytest.mark.parametrize("most", [1, 60, 10**6])
def test_windows_are_cut_between_buckets(most, monkeypatch):
    monkeypatch.setattr(tree, "MOST_ROWS", most)
    shop = filled([(1_000, 0), (400, -300)])
    width = 20 * SECOND
    plans = list(shop.tree.windows(3 * SECOND, 1_211 * SECOND, width, -EVER))
    assert (len(plans) > 1) == (most < 10**6)
    found = [row for pieces in plans for row in shop.answer(pieces, width)]
    assert found == shop.brute(3 * SECOND, 1_211 * SECOND, width)


@pytest.mark.parametrize("stay", [True, False])
def test_what_is_wide_is_answered_by_few(stay):
    shop = Shop(stay=stay)
    for first in range(0, 2_048, 256):
        shop.append(np.arange(first, first + 256))
    assert {key[0] for key in shop.tree.groups} == {0, 1, 2}
    assert len(shop.tree.chunks) == (128 if stay else 0)
    pieces = shop.tree.plan(0, 2_048 * SECOND, 600 * SECOND, -EVER)
    assert [(piece.node.tier, piece.width > 0) for piece in pieces] == [(2, True)] * 4
    read = sum(len(shop.batch(piece)) for piece in pieces)
    assert read <= len(pieces) * growth.TOP_ROWS
    # The edges of a range in the middle come from smaller groups, and at last from rows.
    edged = shop.tree.plan(7 * SECOND, 2_001 * SECOND, 60 * SECOND, -EVER)
    assert sum(piece.rows() for piece in edged if not piece.width) < 3 * SIZES[0]


def test_rows_between_that_never_came():
    shop = Shop()
    shop.append(np.arange(40))
    shop.append(np.arange(100, 300), skip=100)
    assert (1, 0) not in shop.tree.groups  # it would pass over what is in no group
    assert (0, 1) not in shop.tree.groups
    for width in (1, 20, 600):
        pieces = shop.tree.plan(-EVER, EVER, width * SECOND, -EVER)
        assert shop.answer(pieces, width * SECOND) == shop.brute(-EVER, EVER, width * SECOND)


def test_a_group_whose_chunks_cannot_be_had_has_no_levels():
    shop = Shop()
    shop.append(np.arange(20))
    shop.batches.clear()
    shop.append(np.arange(20, 40))
    assert shop.tree.groups[0, 0].levels == ()
    assert shop.tree.groups[0, 0].rows == SIZES[0]


def test_rows_that_are_elsewhere_are_kept_with_their_group(monkeypatch):
    monkeypatch.setattr(growth, "dump", dump)
    shop = Shop(stay=False)
    grown = shop.append(np.arange(40)[::-1])
    assert sorted(key for key in grown.blobs if key[2] == 0) == [(0, 0, 0)]
    assert grown.batches[0, 0, 0]["n"].tolist() == list(range(31, -1, -1))
    assert [node.tier for node in shop.tree.chunks.values()] == [CHUNK]
    for key, data in grown.blobs.items():
        assert str(list(load(data, SCHEMA).rows())) == str(list(grown.batches[key].rows()))


def test_the_span_follows_what_is_added_and_removed():
    shop = Shop()
    assert shop.tree.span() is None
    shop.append(np.arange(10, 20))
    shop.append(np.arange(20, 25))
    shop.append([3])
    assert shop.tree.span() == (3 * SECOND, 24 * SECOND)
    for node, left in zip(
        reversed(list(shop.tree.chunks.values())),
        [(10 * SECOND, 24 * SECOND), (10 * SECOND, 19 * SECOND), None],
        strict=True,
    ):
        shop.tree.remove(node)
        assert shop.tree.span() == left
    assert shop.tree.plan(0, EVER, SECOND, -EVER) == []


@pytest.mark.parametrize("levels", [(), ((5, 7),), ((1, 2**40), (2**62, 1))])
def test_a_node_comes_back_from_its_bytes(levels):
    node = Node(2, 1 << 40, 5, -(2**61), 2**61, 7, levels)
    assert Node.unpack(node.pack()) == node
