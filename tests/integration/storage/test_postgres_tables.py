"""The PostgreSQL store's tables and settings: versions, other schemas, passwords, servers gone."""

import time

import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, SettingError, StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage import postgres_schema
from livewidget.storage.postgres import PostgresStore

pytest.importorskip("psycopg", reason="psycopg is not installed")
NOWHERE = "postgresql://ann:secret-word@127.0.0.1:1/home"


def versions(query, table):
    return [version for (version,) in query(f"SELECT version FROM {table}_versions ORDER BY 1")]


def test_a_store_of_the_version_before_is_brought_up(
    postgres_server, table, house, query, monkeypatch
):
    steps = postgres_schema.STEPS
    monkeypatch.setattr(postgres_schema, "STEPS", steps[:-1])
    with PostgresStore(postgres_server.dsn, table=table) as store:
        store.append(house.parts(1)[0], 0)
    assert versions(query, table) == [1]
    monkeypatch.setattr(postgres_schema, "STEPS", (*steps, ("CREATE TABLE {meta} (a int)",)))
    with pytest.raises(StoreError, match="already exists"):
        PostgresStore(postgres_server.dsn, table=table).open()
    assert versions(query, table) == [1]  # all steps or none
    monkeypatch.setattr(postgres_schema, "STEPS", steps)
    with PostgresStore(postgres_server.dsn, table=table) as store:
        store.append(house.parts(2)[1], 50)
        assert house.numbers(store) == list(range(100))
    assert versions(query, table) == [1, 2]
    storage = f"SELECT attstorage FROM pg_attribute WHERE attrelid = '{table}_levels'::regclass"
    assert query(storage + " AND attname = 'data'") == [("e",)]


def test_a_newer_version_is_refused(postgres_server, table, query):
    PostgresStore(postgres_server.dsn, table=table).open()
    query(f"INSERT INTO {table}_versions VALUES (9)")
    with pytest.raises(StoreError, match="is of version 9, this program knows up to 2"):
        PostgresStore(postgres_server.dsn, table=table).open()


def test_what_is_kept_must_fit(postgres_server, table, house):
    with PostgresStore(postgres_server.dsn, table=table) as store:
        store.append(house.parts(1)[0], 0)
    with pytest.raises(SchemaError, match="the store holds"):
        store.open(Schema.of({"time": "time"}, "time"))
    store.close()
    with pytest.raises(SchemaError, match=r"the store holds.*key: text.*got.*x: float"):
        PostgresStore(postgres_server.dsn, table=table).append(
            Batch.of({"time": [1e9], "x": [1.0]}), 50
        )
    for given, words in (
        ({"by": "key"}, "by=None, got by='key'"),
        ({"partition": "1h"}, "partitions of 86400 s, got partition=3600 s"),
    ):
        with pytest.raises(StoreError, match=words):
            PostgresStore(postgres_server.dsn, table=table, **given).open()


def test_a_table_of_somebody_elses_is_left_alone(postgres_server, table, house, query):
    query(f"CREATE TABLE {table} (mine int)")
    with PostgresStore(postgres_server.dsn, table=table) as store:
        with pytest.raises(StoreError, match="already exists"):
            store.append(house.parts(1)[0], 0)
        query(f"DROP TABLE {table}")
        store.append(house.parts(1)[0], 0)
        assert store.rows == 50


@pytest.mark.parametrize("name", ["", "a\0", "ü" * 32, "ctid", "livewidget_row", "\ud800"])
def test_a_column_that_cannot_be(postgres_server, table, name):
    with (
        PostgresStore(postgres_server.dsn, table=table) as store,
        pytest.raises(SchemaError, match="cannot be kept in PostgreSQL"),
    ):
        store.append(Batch.of({"time": [1e9], name: [1.0]}), 0)
    assert store.schema is None


def test_rows_over_too_many_partitions_are_refused_with_the_reason(postgres_server, table):
    days = Batch.of({"time": [n * 86_400 + 1e9 for n in range(1_001)]})
    with PostgresStore(postgres_server.dsn, table=table) as store:
        with pytest.raises(StoreError, match=r"1,001 new partitions at once.*choose a longer one"):
            store.append(days, 0)
        assert store.rows == 0
    with PostgresStore(postgres_server.dsn, table=table, partition="70D") as store:
        store.append(days, 0)
        assert sum(map(len, store.read(-EVER, EVER))) == 1_001


def test_a_wrong_password_is_said_and_not_shown(private, house, table):
    url = private.dsn.replace("postgres@", "postgres:wrong-secret@")
    store = PostgresStore(url, table=table)
    with pytest.raises(StoreError, match=r"postgres@127.0.0.1.*password") as caught:
        store.open()
    for text in (str(caught.value), repr(store), store.name, store.stats().detail):
        assert "wrong-secret" not in text
    with PostgresStore(url, table=table, password="right") as allowed:
        allowed.append(house.parts(1)[0], 0)
        assert allowed.rows == 50


def test_a_server_that_is_not_there(house):
    store = PostgresStore(NOWHERE, connect_timeout=2)
    begun = time.monotonic()
    for call in (store.open, store.span, lambda: store.append(house.parts(1)[0], 0)):
        with pytest.raises(StoreError, match=r"ann@127\.0\.0\.1:1/home") as caught:
            call()
        assert "secret-word" not in str(caught.value)
    assert time.monotonic() - begun < 5
    assert store.since() == -EVER
    assert store.stats().state == "failing"
    assert "secret-word" not in repr(store) + store.name + store.stats().detail


def test_a_server_that_says_nothing(silent_port):
    store = PostgresStore(f"postgresql://ann@127.0.0.1:{silent_port}/home", connect_timeout=2)
    begun = time.monotonic()
    with pytest.raises(StoreError, match="ann@"):
        store.open()
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": ""}, "url is"),
        ({"url": "postgresql://h:x y:secret-word@"}, "url is"),
        ({"url": 7}, "url is"),
        ({"table": ""}, "table is"),
        ({"table": "x" * 48}, "table is"),
        ({"table": "a%b"}, "table is"),
        ({"retention": 0}, "retention is a positive duration"),
        ({"partition": 0.5}, "partition is whole seconds"),
        ({"partition": -1}, "partition is"),
        ({"connect_timeout": 0}, "connect_timeout is"),
    ],
)
def test_a_setting_that_cannot_be(given, words):
    with pytest.raises(SettingError, match=words) as caught:
        PostgresStore(**{"url": NOWHERE, **given})
    assert "secret-word" not in str(caught.value)


def test_a_range_that_ends_before_it_starts():
    with pytest.raises(SettingError, match="ends after it starts"):
        PostgresStore(NOWHERE).read(5, 4)
