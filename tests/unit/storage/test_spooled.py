"""A server that is down, hangs, forgets or does not fit: nobody waits, and nothing is lost."""

import threading

import pytest

from livewidget.data.batch import concat
from livewidget.data.errors import SchemaError, StoreError, UnfitStoreError
from livewidget.data.history import EVER
from livewidget.storage.tiered import TieredStore
from livewidget.testing import LastingStore, ListStore, wait_until

AWAY = "connection refused"


def test_a_server_that_is_down_for_a_while_gets_each_row_once(rigged, house):
    server = house.Server()
    rig = rigged(server)
    rig.append(house.numbered(0, 10))
    assert rig.store.flush()
    server.down = AWAY
    for first in range(10, 50, 10):
        rig.append(house.numbered(first, 10))
        rig.store.append(house.numbered(first, 10), first)  # again, as after an unknown outcome
    assert not rig.store.flush(0.05)
    wait_until(lambda: rig.store.members()[0].reason)
    figures = rig.store.members()[0]
    assert (figures.state, figures.reason, figures.waiting) == ("failing", AWAY, 40)
    assert rig.store.stats().state == "failing"
    assert f"server: failing, {AWAY}, 40 rows wait; durable: open" in rig.store.stats().detail
    assert not rig.check(0, 100)
    server.down = ""
    wait_until(lambda: server.rows == 50)  # by itself
    assert rig.store.flush()
    for store in server, rig.durable:
        assert house.told(store.read(0, 100)) == house.told(rig.whole)
    assert server.writes == [(0, 10), (10, 40)]
    wait_until(lambda: rig.store.stats().state == "open")
    assert rig.store.members()[0].waiting == 0


def test_rows_that_a_spool_dropped_are_read_elsewhere(rigged, house):
    server = house.Server()
    rig = rigged(server, spool_rows=20)
    server.down = AWAY
    for first in range(0, 50, 10):
        rig.append(house.numbered(first, 10))
    server.down = ""
    assert rig.store.flush()
    assert server.rows == 50
    assert sum(map(len, server.read(0, 100))) == 20
    assert rig.store.tiers[0].since() == 30
    assert rig.store.members()[0].dropped == 30
    assert "30 rows were dropped" in rig.store.stats().detail
    assert not rig.check(0, 100)
    rig.durable.down = AWAY
    assert [(each.start, each.stop) for each in rig.check(0, 50)] == [(0, 30)]


def test_holes_that_a_store_knows_of_are_among_those_of_its_tier(rigged, house):
    server = house.Server()
    server.holes = lambda: ((3, 5), (90, 95))
    rig = rigged(server)
    assert rig.store.flush()
    server.down = AWAY
    rig.append(house.numbered(0, 4))
    assert rig.store.tiers[0].holes() == ((0, 5), (90, 95))


@pytest.mark.parametrize("there", [0, 5, 20, 40])
def test_a_server_with_other_rows_than_the_durable_store_is_whole_after_them(there, house):
    server, durable = house.Server(), ListStore("durable")
    durable.append(house.numbered(0, 20), 0)
    server.append(house.numbered(1000, there) if there > 20 else house.numbered(0, there), 0)
    with TieredStore([server, durable]) as store:
        assert store.flush()
        fast = store.tiers[0]
        assert fast.since() == {0: 20, 5: 20, 20: -EVER, 40: 1040}[there]
        store.append(house.numbered(20, 10), 20)
        assert store.flush()
        assert house.told(store.read(0, 50)) == house.told(
            [house.numbered(0, 20), house.numbered(20, 10)]
        )
        assert house.told(server.read(20, 50)) == house.told([house.numbered(20, 10)])


@pytest.mark.parametrize("there", [0, 5, 20])
def test_a_server_that_lacks_rows_is_given_those_of_the_durable_store(there, house):
    server, durable = house.Server(), LastingStore("durable")
    for first in range(0, 30, 10):
        durable.append(house.numbered(first, 10), first)
    server.append(
        concat([house.numbered(n, 10) for n in range(0, 30, 10)]).take(slice(0, there)), 0
    )
    server.down = AWAY
    with TieredStore([server, durable], open_s=0.02) as store:
        store.append(house.numbered(30, 10), 30)
        wait_until(lambda: store.members()[0].failures)
        server.down = ""
        assert store.flush()
        assert store.tiers[0].since() == -EVER
        assert house.told(server.read(0, 50)) == house.told(
            [house.numbered(n, 10) for n in range(0, 40, 10)]
        )


def unreadable(first, stop):
    raise StoreError(f"durable: {AWAY}")
    yield


@pytest.mark.parametrize("what", ["too many", "unreadable", "let go of"])
def test_a_server_that_cannot_be_given_what_it_lacks_is_whole_after_it(what, house):
    server, durable = house.Server(), LastingStore("durable")
    for first in range(0, 30, 10):
        durable.append(house.numbered(first, 10), first)
    if what == "unreadable":
        durable.rows_from = unreadable
    elif what == "let go of":
        del durable._came[1]
    rows = 20 if what == "too many" else 100
    with TieredStore([server, durable], spool_rows=rows) as store:
        store.append(house.numbered(30, 10), 30)
        assert store.flush()
        assert store.tiers[0].since() == 30
        assert server.rows == 40
        assert house.told(store.read(0, 50)) == house.told(durable.read(0, 50))


def test_a_server_that_began_anew_is_whole_after_what_it_lost(rigged, house):
    server = house.Server()
    rig = rigged(server)
    rig.append(house.numbered(0, 10))
    assert rig.store.flush()
    server.lose()
    assert rig.store.tiers[0].since() == 10
    rig.append(house.batch_of([5]))
    rig.append(house.numbered(10, 10))
    assert rig.store.flush()
    assert rig.store.tiers[0].since() == 10
    assert not rig.check(0, 100)


def test_a_server_that_is_down_when_it_opens_is_tried_again(house):
    server, durable = house.Server(), ListStore("durable")
    server.down = AWAY
    with TieredStore([server, durable], open_s=0.02) as store:
        store.append(house.numbered(0, 10), 0)
        wait_until(lambda: store.members()[0].reason == AWAY)
        with pytest.raises(StoreError, match=f"server: {AWAY}"):
            store.tiers[0].since()
        assert house.told(store.read(0, 100)) == house.told([house.numbered(0, 10)])
        assert store.since() == -EVER
        server.down = ""
        wait_until(lambda: server.rows == 10)


@pytest.mark.parametrize("error", [SchemaError("time: got text"), UnfitStoreError("version 9")])
@pytest.mark.parametrize("at_open", [True, False])
def test_a_server_that_does_not_fit_is_given_up_for_good_and_says_why(error, at_open, house):
    server, durable = house.Server(), ListStore("durable")

    def refuse(*_):
        raise error

    with TieredStore([server, durable], open_s=0.02) as store:
        assert store.flush()
    if at_open:
        server.open = refuse
    else:
        server.append = refuse
    with TieredStore([server, durable], open_s=0.02) as store:
        store.append(house.numbered(0, 10), 0)
        assert not store.flush()
        figures = store.members()[0]
        assert (figures.state, figures.reason) == ("failed", str(error))
        store.append(house.numbered(10, 10), 10)
        assert store.stats().state == "failing"
        assert f"server: failed, {error}, 20 rows were dropped" in store.stats().detail
        assert house.told(store.read(0, 100)) == house.told(
            [house.numbered(0, 10), house.numbered(10, 10)]
        )


def test_a_store_that_raises_anything_is_tried_again(rigged, house):
    server = house.Server()
    rig = rigged(server)
    append, server.append = server.append, None
    rig.append(house.numbered(0, 10))
    wait_until(lambda: rig.store.members()[0].failures)
    assert "TypeError" in rig.store.members()[0].reason
    server.append = append
    wait_until(lambda: server.rows == 10)


def test_a_server_that_cannot_be_read_from_is_passed_over_whatever_it_raises(rigged, house):
    server = house.Server()
    rig = rigged(server)
    rig.append(house.numbered(0, 10))
    assert rig.store.flush()

    def broken(*_, **__):
        raise SchemaError("time: got text")
        yield

    for name in ("read", "since"):
        setattr(server, name, broken if name == "read" else lambda: next(broken()))
        assert not rig.check(0, 10)
    with pytest.raises(StoreError, match="server: SchemaError: time: got text"):
        rig.store.tiers[0].since()


def test_a_server_that_hangs_holds_neither_the_writer_nor_the_close(monkeypatch, house):
    monkeypatch.setattr("livewidget.storage.tiered._CLOSE_S", 0.1)
    server, durable = house.Server(), ListStore("durable")
    hangs, let_go = threading.Event(), threading.Event()
    server.append = lambda *_: (hangs.set(), let_go.wait(30))
    store = TieredStore([server, durable])
    store.open(house.schema)
    store.append(house.numbered(0, 10), 0)
    store.append(house.numbered(10, 10), 10)
    assert hangs.wait(10)
    assert not store.flush(0.05)
    assert house.told(store.read(0, 100)) == house.told(
        [house.numbered(0, 10), house.numbered(10, 10)]
    )
    (thread,) = [it for it in threading.enumerate() if it.name == "livewidget-server"]
    store.close()
    assert durable.closed
    assert store.stats().state == "closed"
    del server.append
    store.open(house.schema)  # while the first thread hangs still
    let_go.set()
    thread.join(5)
    assert not thread.is_alive()
    assert store.flush()
    assert not server.closed
    assert server.rows == 0
    assert store.tiers[0].since() == 20  # what it hung with is in nobody's spool
    store.close()


def test_a_close_writes_what_waits_while_that_goes_well(house):
    server, durable = house.Server(), ListStore("durable")
    store = TieredStore([server, durable])
    store.open(house.schema)
    for first in range(0, 1000, 10):
        store.append(house.numbered(first, 10), first)
    store.close()
    store.close()
    assert server.rows == 1000
    assert server.closed
    with pytest.raises(StoreError, match="server: not open"):
        store.tiers[0].since()
    server.down = AWAY
    store.open()
    store.append(house.numbered(1000, 10), 1000)
    store.close()  # which does not wait for a server that is down
    assert server.rows == 1000
