"""The Redis store against a real server: beside a list, killed, expired and lied to."""

import shutil
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, SettingError, StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage.redis import RedisStore
from livewidget.testing import ListStore, wait_until
from livewidget.testing.redis import RedisServer

pytest.importorskip("redis", reason="redis-py is not installed")
if not RedisServer.is_available():
    pytest.skip("redis-server is not installed", allow_module_level=True)

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def server():
    with RedisServer() as running:
        yield running


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), by=st.sampled_from([None, "key"]))
def test_it_answers_as_a_list_does(server, small_groups, house, data, by):
    name = f"twin{uuid.uuid4()}"
    operations = data.draw(house.operations)
    house.compare(lambda: RedisStore(server.url, name=name, by=by), operations, by)


def test_killed_in_the_middle_nothing_is_lost_or_doubled(small_groups, house):
    with RedisServer(append=True) as server, RedisStore(server.url) as store:
        rows = house.write(store, house.parts(), server)
        with RedisStore(server.url) as fresh:
            assert (fresh.rows, fresh.since()) == (rows, -EVER)
            assert house.numbers(fresh) == list(range(rows))


def test_one_that_forgot_all_goes_on_and_says_from_when(small_groups, house):
    with RedisServer() as server, RedisStore(server.url) as store:
        rows = house.write(store, house.parts(), server)
        since = START + 45 * 50 * SECOND
        for reader in (store, RedisStore(server.url)):
            assert reader.since() == since
            assert sum(map(len, reader.read(-EVER, EVER))) == 15 * 50
            assert len(house.told(reader, since, EVER, 10 * SECOND)) > 75
            reader.open()
            assert reader.rows == rows
            reader.close()
        server.kill()
        server.start()
        assert store.span() is None
        assert store.since() == START + rows * SECOND - SECOND + 1
        assert store.rows == rows


def test_one_that_lost_the_last_rows_goes_on_and_says_from_when(small_groups, house, tmp_path):
    parts = house.parts(20)
    with RedisServer(append=True) as server, RedisStore(server.url) as store:
        for n, part in enumerate(parts[:15]):
            if n == 10:
                # What a crash within the second between two looks of the disk leaves.
                shutil.copytree(server._folder.name, tmp_path / "then")
            store.append(part, n * 50)
        server.kill()
        shutil.rmtree(server._folder.name)
        shutil.copytree(tmp_path / "then", server._folder.name)
        server.start()
        assert len(house.numbers(store)) == 500
        since = START + 15 * 50 * SECOND
        assert store.since() == since - SECOND + 1
        assert store.rows == 750
        for n in range(15, 20):
            store.append(parts[n], n * 50)
        with RedisStore(server.url) as fresh:
            assert (fresh.rows, fresh.since(), store.since()) == (1_000, since, since)
            assert house.numbers(fresh) == [*range(500), *range(750, 1_000)]
            assert house.told(fresh, since, EVER, 60 * SECOND) == house.told(
                store, since, EVER, 60 * SECOND
            )


def test_what_has_expired_moves_since(server, small_groups, house):
    with RedisStore(server.url, name="old", ttl=0.2) as store:
        for n, part in enumerate(house.parts(10)):
            store.append(part, n * 50)
        wait_until(lambda: store.since() == START + 499 * SECOND + 1)
        assert not house.told(store, -EVER, EVER)
        assert store.rows == 500
        store.append(house.batch([START + 600 * SECOND], 500), 500)
        assert len(house.told(store, -EVER, EVER)) == 1
        client = store._link.client()
        assert client.zcard("old:index") == 1


def test_bytes_that_are_gone_are_answered_by_others(server, small_groups, house):
    store, twin = RedisStore(server.url, name="evicted", cache_mb=0), ListStore()
    store.open()
    for n, part in enumerate(house.parts(20)):
        store.append(part, n * 50)
        twin.append(part, n * 50)
    client = store._link.client()
    client.delete(*client.keys("evicted:2:*"), *client.keys("evicted:1:*"))
    assert house.told(store, -EVER, EVER, 60 * SECOND) == house.told(twin, -EVER, EVER, 60 * SECOND)
    client.set("evicted:-1:0:0", b"LWB\x01" + b"x" * 100)
    with pytest.raises(StoreError, match="torn"):
        house.told(store, -EVER, EVER)
    store.close()


def test_a_wrong_password_is_said_and_not_shown(house):
    with RedisServer(password="right") as server:
        url = server.url.replace("//", "//:wrong-secret@")
        store = RedisStore(url)
        with pytest.raises(StoreError, match=r"(?i)password") as caught:
            store.open()
        for text in (str(caught.value), repr(store), store.stats().detail):
            assert "wrong-secret" not in text
        with RedisStore(server.url, password="right") as allowed:
            allowed.append(house.parts(1)[0], 0)


def test_what_is_kept_must_fit(server, house):
    with RedisStore(server.url, name="fit") as store:
        store.append(house.parts(1)[0], 0)
        with pytest.raises(SchemaError, match="the store holds"):
            store.open(Schema.of({"time": "time"}, "time"))
        with pytest.raises(StoreError, match="by=None, got by='key'"):
            RedisStore(server.url, name="fit", by="key").open()
        store._link.client().hset("fit:meta", "version", 9)
        with pytest.raises(StoreError, match="version 9"):
            RedisStore(server.url, name="fit").open()


@pytest.mark.parametrize("url", ["", "http://host", "redis://", "redis://h:x"])
def test_a_url_that_cannot_be(url):
    with pytest.raises(SettingError, match="url is"):
        RedisStore(url)


def test_names_of_any_letters(server):
    names = ['a"b', "select", "ü\n", "time"]
    data = Batch.of({"time": [1e9], **{name: [1.5] for name in names[:-1]}})
    with RedisStore(server.url, name='odd " name') as store:
        store.append(data, 0)
        (found,) = RedisStore(server.url, name='odd " name').read(-EVER, EVER)
        assert list(found.rows()) == list(data.rows())
