"""Several stores as one, against one list: whatever is down, late, lost or let go of."""

import threading
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import concat
from livewidget.data.errors import SettingError, StoreError
from livewidget.data.history import EVER
from livewidget.engine.bounds import bounds
from livewidget.storage.base import Recoverable
from livewidget.storage.cache import TileCache
from livewidget.storage.planner import NO_LONGER_KEPT, Planner
from livewidget.storage.tiered import TieredStore
from livewidget.testing import LastingStore, ListStore, ManualClock, wait_until

AWAY = "connection refused"

TIMES = st.integers(-20, 200)
STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(TIMES, min_size=1, max_size=8), st.integers(0, 99)),
    st.tuples(st.just("query"), st.tuples(TIMES, TIMES), st.sampled_from([0, 1, 5, 50])),
    st.tuples(st.just("down"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("let go"), st.integers(0, 2), TIMES),
    st.tuples(st.just("lose"), st.integers(0, 1), st.none()),
    st.tuples(st.just("flush"), st.none(), st.none()),
    st.tuples(st.just("wait"), st.none(), st.sampled_from([0.02, 6.0])),
    st.tuples(st.just("restart"), st.none(), st.none()),
)


@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(STEP, max_size=20),
    count=st.integers(0, 2),
    by=st.sampled_from([None, "key"]),
    data=st.data(),
)
def test_every_query_equals_that_over_one_list_but_for_what_it_names(house, steps, count, by, data):
    servers = [house.Server(f"server{number}", by) for number in range(count)]
    clock = ManualClock()
    rows, lasting = data.draw(st.sampled_from([5, 1000])), data.draw(st.booleans())
    rig = house.Rig(servers, by, lasting=lasting, clock=clock, spool_rows=rows)
    try:
        for what, at, how in steps:
            clock.advance(how if what == "wait" else 0.001)
            take_step(rig, what, at, how, house)
        rig.durable.down = ""
        for server in servers:
            server.down = ""
        clock.advance(6.0)  # nothing is left alone any longer
        assert rig.store.flush(10.0)
        rig.check(-50, 300)
        rig.append(house.batch_of([100]))
        rig.check(-50, 300)
        assert rig.store.flush(10.0)
        missing = rig.check(-50, 300)
        assert all(each.reason == NO_LONGER_KEPT for each in missing)
        assert all(each.stop <= rig.durable.since() for each in missing)
    finally:
        rig.store.close()


def take_step(rig, what, at, how, house):
    stores = [*rig.servers, rig.durable]
    if what == "append":
        rig.append(house.batch_of(at, how))
    elif what == "query":
        start, stop = sorted(at)
        for each in rig.check(start, stop, how):
            left = "left alone" in each.reason
            assert rig.durable.down or left or each.stop <= rig.durable.since()
    elif what == "down":
        stores[at % len(stores)].down = AWAY if how else ""
    elif what == "let go":
        stores[at % len(stores)].prune(how)
    elif what == "lose" and rig.servers:
        server = rig.servers[at % len(rig.servers)]
        if server.down or rig.store.flush(0.05):
            server.lose()
    elif what == "flush":
        rig.store.flush(0.01)
    elif what == "restart":
        rig.store.close()
        down, rig.durable.down = rig.durable.down, ""
        rig.begin()
        rig.durable.down = down


def test_what_is_whole_in_the_fastest_is_read_there_and_what_waits_is_not(rigged, house):
    server = house.Server()
    rig = rigged(server)
    rig.append(house.numbered(0, 10))
    assert rig.store.flush()
    rig.durable.down = AWAY
    assert not rig.check(0, 100)
    rig.durable.down, server.down = "", AWAY
    rig.append(house.batch_of([5]))
    rig.append(house.numbered(20, 2))
    assert rig.store.tiers[0].holes() == ((5, 6), (20, 22))
    wait_until(lambda: rig.store.members()[0].circuit != "closed")
    with pytest.raises(StoreError, match=f"server: {AWAY}"):
        list(rig.store.tiers[0].read(0, 3))
    rig.durable.down = AWAY
    (missing,) = rig.check(0, 100)
    assert (missing.start, missing.stop) == (0, 100)
    assert f"server: {AWAY}" in missing.reason
    assert f"durable: {AWAY}" in missing.reason


def test_rows_that_were_given_up_on_the_way_are_named(rigged, house):
    rig = rigged(house.Server())
    rig.append(house.numbered(0, 10))
    rig.store.append(house.numbered(20, 10), 20)
    answer = rig.store.query(0, 30)
    assert sum(map(len, answer.batches)) == 20
    assert [(each.start, each.stop) for each in answer.missing] == [(9, 21)]
    with pytest.raises(StoreError, match=r"9 <= time < \d+ \(ns UTC\) cannot be read now"):
        list(rig.store.read(0, 30))


def test_rows_on_their_way_are_a_hole_before_the_durable_store_has_them(rigged, house):
    server = house.Server()
    rig = rigged(server)
    assert rig.store.flush()
    append, seen = rig.durable.append, []

    def look(batch, first):
        append(batch, first)
        seen.append((rig.store.tiers[0].holes(), house.told(rig.store.read(0, 10))))

    rig.durable.append = look
    rig.append(house.numbered(0, 10))
    assert seen == [(((0, 10),), house.told([house.numbered(0, 10)]))]
    assert rig.store.flush()
    assert rig.store.tiers[0].holes() == ()


def test_a_durable_store_that_fails_fails_the_append_and_nobody_has_the_rows(rigged, house):
    server = house.Server()
    rig = rigged(server)
    rig.durable.down = AWAY
    with pytest.raises(StoreError, match=AWAY):
        rig.store.append(house.numbered(0, 10), 0)
    assert rig.store.flush()
    assert server.rows == rig.store.rows == 0
    rig.durable.down = ""
    rig.append(house.numbered(0, 10))
    assert rig.store.rows == 10


@pytest.mark.parametrize("cached", [False, True])
def test_readers_see_each_row_once_while_servers_come_and_go(rigged, cached, house):
    servers = house.Server("first"), house.Server("second")
    rig = rigged(*servers, open_s=0.001, spool_rows=50)
    cache = TileCache(margin=20) if cached else None
    planner = Planner(rig.store.tiers, cache=cache)
    done, wrong, reads = threading.Event(), [], []

    def read(seed):
        rng = np.random.default_rng(seed)
        while not done.is_set():
            rows = rig.store.rows
            start, stop = sorted(rng.integers(0, rows + 1, 2).tolist())
            answer = planner.query(start, stop, width=1)
            times = [at for batch in answer.batches for at in batch.times.tolist()]
            reads.append(len(times))
            if times != list(range(start, stop)) or answer.missing:
                wrong.append((start, stop, times, answer.missing))
                return

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    rng = np.random.default_rng(1)
    try:
        for first in range(0, 6_000, 10):
            server = servers[int(rng.integers(2))]
            server.down = AWAY if rng.random() < 0.3 else ""
            batch = house.numbered(first, 10)
            rig.store.append(batch, first)
            if cache is not None:
                cache.touched_by(batch.times)
            if rng.random() < 0.05:
                server.prune(first - 500)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert any(reads)


def test_old_rows_are_let_go_of_everywhere_by_who_writes_there(rigged, house):
    server = house.Server()
    rig = rigged(server)
    for first in range(0, 30, 10):
        rig.append(house.numbered(first, 10))
        assert rig.store.flush()
    assert rig.store.prune(20) == 20
    wait_until(lambda: rig.store.since() == 20)
    assert server.pruned == [20]
    assert rig.store.span() == (20, 29)
    assert sum(map(len, rig.store.read(-EVER, EVER))) == 10  # what nobody keeps is no failure
    server.down = rig.durable.down = AWAY
    with pytest.raises(StoreError, match=AWAY):
        rig.store.span()


def test_the_durable_store_may_stand_anywhere_and_is_what_a_stream_goes_on_from(house):
    durable, archive = LastingStore("durable"), house.Server("archive")
    archive.down = AWAY
    store = TieredStore([durable, archive], durable=0, open_s=0.02)
    with store:
        store.append(house.numbered(0, 10), 0)
        assert [each.durable for each in store.members()] == [True, False]
        assert [each.name for each in store.tiers] == ["durable", "archive"]
        assert store.recoverable is store.durable is durable
        assert isinstance(durable, Recoverable)
    assert TieredStore([archive]).recoverable is None
    assert TieredStore([store]).recoverable is durable


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"])
def test_bounds_of_any_zone_ask_for_the_same_rows(rigged, zone, house):
    rig = rigged(house.Server())
    hours = pd.date_range("2024-10-26", "2024-10-28", freq="30min", tz="UTC")
    rig.append(house.batch_of(hours.tz_localize(None).to_numpy()))
    assert rig.store.flush()
    # The night in which Berlin has 02:30 twice.
    for text in ("2024-10-27T00:30:00+00:00", "2024-10-27T01:30:00+00:00"):
        stamp = pd.Timestamp(text)
        start, stop = bounds(stamp.tz_convert(ZoneInfo(zone)), (stamp + pd.Timedelta("1h")))
        batch = concat(list(rig.store.read(start, stop)))
        assert batch.times.tolist() == [stamp.value, stamp.value + 1_800 * 10**9]


@pytest.mark.parametrize(
    ("stores", "options", "message"),
    [
        ([], {}, "one store at least, .* got \\[\\]"),
        ([ListStore()] * 2, {}, "each another one"),
        (["redis://host"], {}, "stores are Store objects, got 'redis://host'"),
        ([ListStore()], {"durable": 1}, "durable is the place of a store, 0 to 0, got 1"),
        ([ListStore(), ListStore()], {"spool_rows": 0}, "max_rows"),
        ([ListStore(), ListStore()], {"open_s": 0}, "open_s"),
    ],
)
def test_what_cannot_be_is_refused(stores, options, message):
    with pytest.raises(SettingError, match=message):
        TieredStore(stores, **options)
