"""Every query over the tiers, against the same query over one list."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SettingError, StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.sketches.ladder import snap
from livewidget.sketches.outstanding import cut, in_order, join
from livewidget.storage.planner import NO_LONGER_KEPT, Planner
from livewidget.testing import ListStore, ManualClock

SCHEMA = Schema.of({"time": "time", "value": "float", "key": "text"}, "time")


def batch_of(rows):
    times, values, keys = zip(*rows, strict=True)
    times = np.array(times, dtype="datetime64[ns]")
    data = {"time": times, "value": np.array(values, dtype=float), "key": list(keys)}
    return Batch.of(data, SCHEMA)


def told(batches):
    return [str(row) for batch in batches for row in batch.rows()]


class Flaky(ListStore):
    """Gives few rows a batch, breaks off after `lasts` of them, and prunes itself while read."""

    lasts = None
    size = 3
    lets_go = None  # (after so many batches, before which time)
    tears = None  # (after so many batches, start and size of a range it loses then)
    gaps = ()
    reads = 0

    def read(self, start, stop, *, width=0):
        self.reads += 1
        given_out = 0
        for batch in super().read(start, stop, width=width):
            for low in range(0, len(batch), self.size):
                if self.lasts is not None and given_out >= self.lasts:
                    raise StoreError(f"{self.name}: it broke off")
                given_out += 1
                if self.lets_go is not None and given_out == self.lets_go[0]:
                    self.prune(self.lets_go[1])
                if self.tears is not None and given_out == self.tears[0]:
                    self.gaps = joined_up([*((a, b - a) for a, b in self.gaps), self.tears[1]])
                part = self._left(batch.take(slice(low, low + self.size)))
                if len(part):
                    yield part

    def _left(self, batch):
        """Return the rows less those that went while the read was under way."""
        times = batch.times
        keep = times >= self.since()
        for start, stop in self.gaps:
            keep &= (times < start) | (times >= stop)
        return batch.take(keep)

    def holes(self):
        return self.gaps


ROWS = st.lists(
    st.tuples(
        st.integers(-20, 200),
        st.sampled_from([float("nan"), 0.0, 1.0, 2.0]),
        st.sampled_from(["a", "b", None]),
    ),
    min_size=1,
    max_size=12,
)
TIER = st.fixed_dictionaries(
    {
        "prune": st.one_of(st.none(), st.integers(-20, 220)),
        "down": st.booleans() | st.just(False),
        "lasts": st.none() | st.integers(0, 4),
        "lets_go": st.none() | st.tuples(st.integers(1, 3), st.integers(-20, 220)),
        "tears": st.none()
        | st.tuples(st.integers(1, 3), st.tuples(st.integers(-20, 200), st.integers(1, 40))),
        "size": st.integers(1, 4),
        "gaps": st.lists(st.tuples(st.integers(-20, 200), st.integers(1, 40)), max_size=2),
    }
)


def tier_of(number, options, batches, by):
    tier = Flaky(f"tier{number}", by)
    tier.gaps = joined_up(options["gaps"])
    first = 0
    for batch in batches:
        # What a tier says may be missing is missing for it.
        times = batch.times
        lost = np.zeros(len(batch), dtype=bool)
        for start, stop in tier.gaps:
            lost |= (times >= start) & (times < stop)
        tier.append(batch.take(~lost), first)
        first += len(batch)
    if options["prune"] is not None:
        tier.prune(options["prune"])
    tier.size = options["size"]
    tier.lasts, tier.lets_go = options["lasts"], options["lets_go"]
    tier.tears = options["tears"]
    tier.down = "away" if options["down"] else ""
    return tier


def joined_up(gaps):
    found = []
    for start, size in sorted(gaps):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], start + size))
        else:
            found.append((start, start + size))
    return tuple(found)


def without(batch, ranges):
    times = batch.times
    keep = np.ones(len(batch), dtype=bool)
    for each in ranges:
        keep &= (times < each.start) | (times >= each.stop)
    return batch.take(keep)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(ROWS, min_size=1, max_size=8),
    st.lists(TIER, min_size=1, max_size=3),
    st.tuples(st.integers(-40, 240), st.integers(-40, 240)),
    st.sampled_from([0, 0, 1, 5, 50]),
    st.booleans(),
)
def test_it_answers_as_one_list_does(arrived, tiers, bounds, width, keyed):
    (start, stop), by = sorted(bounds), "key" if keyed else None
    batches = [batch_of(rows) for rows in arrived]
    whole = in_order(concat(batches))
    planner = Planner(
        [tier_of(number, each, batches, by) for number, each in enumerate(tiers)],
        by,
        clock=ManualClock(),
    )
    answer = planner.query(start, stop, width=width)
    found = list(answer.batches)
    assert all(len(batch) for batch in found)
    check_ranges(answer.missing, start, stop)
    times = np.concatenate([np.empty(0, dtype=np.int64), *(each.times for each in found)])
    assert (np.diff(times) >= 0).all()
    expected = join([whole], start, stop)
    expected = [] if expected is None else [expected]
    if not width:
        assert told(without(each, answer.missing) for each in found) == told(
            without(each, answer.missing) for each in expected
        )
        lost = set(told(found)) - set(told(expected))
        assert not lost
    elif not answer.missing:
        assert told(found) == told(filter(None, [join([whole], start, stop, width, by)]))
    else:
        # A bucket that a missing range cuts is stood for by what is there of it.
        clear = [
            cut(each, low, high)
            for each in found
            for low, high in clear_buckets(answer.missing, start, stop, width)
        ]
        same = [
            join([whole], low, high, width, by)
            for low, high in clear_buckets(answer.missing, start, stop, width)
        ]
        assert sorted(told(clear)) == sorted(told(filter(None, same)))


def check_ranges(missing, start, stop):
    assert all(start <= each.start < each.stop <= stop and each.reason for each in missing)
    assert all(before.stop <= after.start for before, after in pairwise(missing))


def clear_buckets(missing, start, stop, width):
    """Return the buckets that no missing range touches, cut to the range."""
    for low in range(start // width * width, stop, width):
        low, high = max(low, start), min(low + width, stop)  # noqa: PLW2901
        if low < high and not any(each.start < high and low < each.stop for each in missing):
            yield low, high


def numbered(count, size=10):
    return [
        batch_of([(10 * n + i, float(n), "a") for i in range(size)]) for n in range(count // size)
    ]


def filled(name, batches, before=None, by=None):
    tier = Flaky(name, by)
    for first, batch in enumerate(batches):
        tier.append(batch, 10 * first)
    if before is not None:
        tier.prune(before)
    return tier


def test_the_fastest_that_is_whole_answers_its_part_and_no_more():
    batches = numbered(100)
    memory, store = filled("memory", batches, 60), filled("store", batches)
    asked = []
    for tier in memory, store:
        plain = tier.read
        tier.read = lambda start, stop, *, width=0, tier=tier, plain=plain: (
            asked.append((tier.name, start, stop)) or plain(start, stop, width=width)
        )
    answer = Planner([memory, store]).query(20, 90)
    assert told(answer.batches) == told([cut(in_order(concat(batches)), 20, 90)])
    assert asked == [("store", 20, 60), ("memory", 60, 90)]
    assert answer.missing == []


def test_what_nobody_can_give_is_named_with_the_reason_and_the_rest_is_there():
    batches = numbered(100)
    memory, cache, store = (
        filled("memory", batches, 60),
        filled("cache", batches, 30),
        filled("store", batches),
    )
    cache.down = store.down = "connection refused"
    answer = Planner([memory, cache, store], clock=ManualClock()).query(0, 100)
    assert told(answer.batches) == told([cut(in_order(concat(batches)), 60, 100)])
    (missing,) = answer.missing
    assert (missing.start, missing.stop) == (0, 60)
    assert "cache: connection refused" in missing.reason
    assert "store: connection refused" in missing.reason


def test_what_was_let_go_of_everywhere_is_named_too():
    answer = Planner([filled("memory", numbered(100), 60)]).query(-EVER, EVER)
    assert sum(map(len, answer.batches)) == 40
    assert [(each.start, each.stop, each.reason) for each in answer.missing] == [
        (-EVER, 60, NO_LONGER_KEPT)
    ]


def test_rows_of_a_tier_that_lacks_some_are_better_than_none():
    batches = numbered(100)
    store = filled("store", batches)
    store.gaps = ((35, 45),)
    answer = Planner([store]).query(0, 100)
    assert sum(map(len, answer.batches)) == 90
    assert [(each.start, each.stop) for each in answer.missing] == [(35, 45)]


def test_where_all_lack_some_the_one_that_lacks_least_is_read():
    batches = numbered(100)
    memory, cache, store = (
        filled("memory", batches, 60),
        filled("cache", batches),
        filled("store", batches, 10),
    )
    cache.gaps, store.gaps = ((35, 55),), ((35, 45),)
    answer = Planner([memory, cache, store]).query(30, 100)
    assert sum(map(len, answer.batches)) == 60
    assert [(each.start, each.stop) for each in answer.missing] == [(35, 45)]


def test_a_tier_that_fails_again_and_again_is_left_alone_for_some_seconds():
    clock, batches = ManualClock(), numbered(100)
    memory, store = filled("memory", batches, 60), filled("store", batches)
    store.lasts = 0
    planner = Planner([memory, store], clock=clock)
    for _ in range(5):
        answer = planner.query(0, 100)
        assert sum(map(len, answer.batches)) == 40
        assert [(each.start, each.stop) for each in answer.missing] == [(0, 60)]
    assert store.reads == 3
    assert answer.missing[0].reason == "store: it broke off (left alone for some seconds)"
    clock.advance(6.0)
    store.lasts = None
    assert sum(map(len, planner.query(0, 100).batches)) == 100


def test_a_reader_that_leaves_early_keeps_nobody_from_a_tier_that_is_back():
    clock, batches = ManualClock(), numbered(100)
    store = filled("store", batches)
    planner = Planner([store], clock=clock)
    store.lasts = 0
    for _ in range(3):
        list(planner.query(0, 100).batches)
    clock.advance(6.0)
    store.lasts = None
    rows = planner.query(0, 100).batches
    next(rows)
    rows.close()
    assert sum(map(len, planner.query(0, 100).batches)) == 100


def test_few_chunks_are_in_memory_at_a_time():
    answer = Planner([filled("store", numbered(1_000))]).query(0, 1_000)
    sizes = [len(batch) for batch in answer.batches]
    assert max(sizes) <= 6
    assert sum(sizes) == 1_000


def test_equal_times_are_never_parted_by_a_failure():
    batches = [batch_of([(5, float(n), "a") for n in range(7)]), batch_of([(9, 9.0, "a")])]
    first, second = filled("first", batches), filled("second", batches)
    first.size, first.lasts = 2, 2
    answer = Planner([first, second], clock=ManualClock()).query(0, 100)
    assert told(answer.batches) == told(batches)
    assert answer.missing == []


def test_a_query_that_ends_before_it_starts_is_refused_at_once():
    planner = Planner([ListStore()])
    with pytest.raises(SettingError, match="start=10, stop=5"):
        planner.query(10, 5)
    with pytest.raises(SettingError, match="one tier"):
        Planner([])


def test_the_rows_that_stand_for_a_bucket_across_a_boundary_are_those_of_the_whole():
    rng = np.random.default_rng(4)
    rows = [(int(t), float(v), "a") for t, v in zip(range(1_000), rng.random(1_000), strict=True)]
    batches = [batch_of(rows[low : low + 10]) for low in range(0, 1_000, 10)]
    memory, store = filled("memory", batches, 510), filled("store", batches)
    width = snap(100)
    answer = Planner([memory, store]).query(33, 977, width=width)
    assert told(answer.batches) == told([join([concat(batches)], 33, 977, width)])
