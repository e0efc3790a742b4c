"""Servers beside a list and a folder: killed, emptied, and started again while rows come."""

import pytest

from livewidget.data.errors import StoreError
from livewidget.data.history import EVER
from livewidget.storage.postgres import PostgresStore
from livewidget.storage.redis import RedisStore
from livewidget.storage.resolve import store_for
from livewidget.storage.tiered import TieredStore
from livewidget.testing import ListStore, wait_until
from livewidget.testing.redis import RedisServer

pytest.importorskip("redis", reason="redis-py is not installed")
if not RedisServer.is_available():
    pytest.skip("redis-server is not installed", allow_module_level=True)

WIDTH = 10_000_000_000


def same(house, store, durable):
    """Say that both answer alike, all rows and at a width, and that nothing is missing."""
    for width in (0, WIDTH):
        answer = store.query(-EVER, EVER, width=width)
        found = [str(row) for batch in answer.batches for row in batch.rows()]
        assert found == house.told(durable, -EVER, EVER, width)
        assert not answer.missing


@pytest.mark.parametrize("lasting", [True, False])
def test_a_redis_that_goes_and_comes_back_changes_no_answer(small_groups, house, lasting):
    parts = house.parts()
    with RedisServer(append=lasting) as server:
        durable = ListStore("durable")
        redis = RedisStore(server.url, connect_timeout=0.5, timeout=0.5)
        with TieredStore([redis, durable], open_s=0.05) as store:
            for part in parts[:20]:
                store.append(part, store.rows)
            assert store.flush()
            server.kill()
            for part in parts[20:40]:
                store.append(part, store.rows)
            assert not store.flush(0.1)
            assert store.members()[0].waiting == 20 * len(parts[0])
            same(house, store, durable)
            server.start()
            wait_until(lambda: not store.members()[0].waiting)
            for part in parts[40:]:
                store.append(part, store.rows)
            assert store.flush()
            same(house, store, durable)
            assert redis.rows == durable.rows
            assert sum(map(len, redis.read(redis.since(), EVER))) >= 20 * len(parts[0])
        with TieredStore([RedisStore(server.url), durable]) as store:
            assert store.flush()
            same(house, store, durable)
            durable.down = "away"
            if lasting:
                assert sum(map(len, store.read(-EVER, EVER))) == durable.rows
            else:
                with pytest.raises(StoreError, match="durable: away"):
                    list(store.read(-EVER, EVER))


def test_rows_that_a_redis_never_heard_of_are_missing_after_a_restart_too(house):
    with RedisServer() as server:
        doubted(lambda: RedisStore(server.url), house)


def test_rows_that_a_database_never_heard_of_are_missing_after_a_restart_too(
    postgres_server, table, house
):
    doubted(lambda: PostgresStore(postgres_server.dsn, table=table), house)


def doubted(make, house):
    with make() as store:
        store.doubt(1_000)
        assert store.since() == 1_000
        store.append(house.batch([5]), 0)
    with make() as store:
        assert store.since() == 1_000


def test_a_database_behind_a_folder_is_filled_by_a_thread_of_its_own(
    postgres_server, table, house, tmp_path
):
    parts = house.parts()
    with store_for(tmp_path / "rows") as folder:
        for n, part in enumerate(parts[:20]):
            folder.append(part, n * len(part))
    # Rows of an earlier time are carried over, since they are few.
    with TieredStore(
        [store_for(tmp_path / "rows"), PostgresStore(postgres_server.dsn, table=table)], durable=0
    ) as store:
        for part in parts[20:]:
            store.append(part, store.rows)
        assert store.flush(10.0)
        archive = store.tiers[1].store
        assert (archive.rows, archive.since()) == (store.rows, -EVER)
        assert house.told(archive, -EVER, EVER) == house.told(store.durable, -EVER, EVER)
