import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from livewidget.data.errors import SettingError
from livewidget.storage.redis import RedisStore
from livewidget.storage.resolve import store_for
from livewidget.storage.tiered import TieredStore
from livewidget.testing import LastingStore, ListStore

pytest.importorskip("redis", reason="redis-py is not installed")


class Folder(LastingStore):
    def __init__(self, path, *, by=None, sync="interval"):
        super().__init__(f"folder {path}", by)
        self.given = os.fspath(path), by, sync


class Database(ListStore):
    def __init__(self, url, *, by=None, table="livewidget"):
        super().__init__("database", by)
        self.given = url, by, table


@pytest.fixture(autouse=True)
def _lists(monkeypatch):
    """Put lists in place of a folder and a database."""
    for module, name, kind in [
        ("embedded", "EmbeddedStore", Folder),
        ("postgres", "PostgresStore", Database),
    ]:
        place = ModuleType(module)
        setattr(place, name, kind)
        monkeypatch.setitem(sys.modules, f"livewidget.storage.{module}", place)


def test_a_store_is_itself():
    store = ListStore()
    assert store_for(store, by="key") is store
    with pytest.raises(SettingError, match=r"ListStore\('list'\) is a store already: set ttl"):
        store_for(store, ttl=3)


@pytest.mark.parametrize(
    ("thing", "path"),
    [
        ("ticks", "ticks"),
        ("C:\\data\\ticks", "C:\\data\\ticks"),
        (Path("a/b"), "a/b"),
        ("file:///tmp/a%20b", "/tmp/a b"),
    ],
)
def test_a_path_is_a_folder(thing, path):
    store = store_for(thing, by="key", sync="strict")
    assert isinstance(store, Folder)
    assert store.given == (path, "key", "strict")


@pytest.mark.parametrize("url", ["redis://:secret@host:1", "rediss://host/2", "unix:///run/r.sock"])
def test_a_url_is_a_server(url):
    store = store_for(url, ttl="5min", name="ticks")
    assert isinstance(store, RedisStore)
    assert "secret" not in repr(store)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "PostgreSQL"])
def test_a_url_of_a_database_is_one(scheme):
    url = f"{scheme}://user:secret@host/ticks"
    assert store_for(url, by="key", table="t").given == (url, "key", "t")


def test_several_are_tiers_whose_durable_one_is_a_folder():
    store = store_for(["redis://host", "ticks", "postgres://host/db"], by="key", spool_rows=5)
    assert isinstance(store, TieredStore)
    assert [type(each.store) for each in store.tiers] == [RedisStore, Folder, Database]
    assert isinstance(store.durable, Folder)
    assert store.recoverable is store.durable
    assert store.durable.given == ("ticks", "key", "interval")
    assert isinstance(store_for(("redis://host", "postgres://host/db")).durable, Database)
    assert isinstance(store_for(["ticks", "postgres://host/db"], durable=1).durable, Database)


@pytest.mark.parametrize(
    ("thing", "options", "message"),
    [
        ("mysql://user:secret@host", {}, r"URL \(redis://, .*; got a URL that begins with 'mysql'"),
        (7, {}, "a store is a Store, the path of a folder, .* got 7"),
        (None, {}, "got None"),
        ("", {}, "got ''"),
        ([], {}, "one store at least"),
        (["ticks", 7], {}, "got 7"),
        ("redis://host", {"table": "t"}, "RedisStore has no option table; it has name, ttl"),
        (["ticks"], {"ttl": 3}, "TieredStore has no option ttl; it has durable, by, name"),
        ("redis://user:secret@", {}, "url is a URL such as"),
    ],
)
def test_what_cannot_be_is_refused_without_its_secrets(thing, options, message):
    with pytest.raises(SettingError, match=message) as caught:
        store_for(thing, **options)
    assert "secret" not in str(caught.value)
