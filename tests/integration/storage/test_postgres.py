"""The PostgreSQL store against a real server: beside a list, killed, shared, dropped from."""

import threading
import uuid

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.history import CHUNK_ROWS, EVER
from livewidget.engine.ahead import WriteAhead
from livewidget.storage import postgres, postgres_tables
from livewidget.storage.postgres import PostgresStore
from livewidget.testing import ListStore, wait_until

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
FIRST_PART = START // MINUTE * MINUTE  # where the partition begins that holds START


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), by=st.sampled_from([None, "key"]))
def test_it_answers_as_a_list_does(postgres_server, small_groups, house, data, by):
    given = {"table": f"t{uuid.uuid4().hex}", "by": by, "partition": "1min"}
    operations = data.draw(house.operations)
    house.compare(lambda: PostgresStore(postgres_server.dsn, **given), operations, by)


def test_groups_of_their_real_size(postgres_server, table, house):
    store, twin = PostgresStore(postgres_server.dsn, table=table, by="key"), ListStore(by="key")
    chance = np.random.default_rng(3)
    with store:
        for n in range(2):
            times = START + (60_000 * n + np.arange(60_000)) * SECOND
            times[::50] -= chance.integers(0, 7_200, 1_200) * SECOND
            part = house.batch(times, 60_000 * n)
            store.append(part, 60_000 * n)
            twin.append(part, 60_000 * n)
        sizes = [len(each) for each in store.read(-EVER, EVER)]
        assert sum(sizes) == 120_000
        assert max(sizes) <= CHUNK_ROWS
        for start, stop in ((0, 120_000), (60_000, 60_900), (5_000, 110_001)):
            edges = START + start * SECOND, START + stop * SECOND
            for width in (10 * MINUTE, 60 * MINUTE):
                assert house.told(store, *edges, width) == house.told(twin, *edges, width)
    assert store.stats().nbytes > 60_000 * 40
    with PostgresStore(postgres_server.dsn, table=table, by="key") as fresh:
        assert house.told(fresh, -EVER, EVER, 3_600 * SECOND) == house.told(
            twin, -EVER, EVER, 3_600 * SECOND
        )


def test_killed_in_the_middle_nothing_is_lost_or_doubled(private, small_groups, house):
    with PostgresStore(private.dsn, password="right") as store:
        rows = house.write(store, house.parts(), private)
        with PostgresStore(private.dsn, password="right") as fresh:
            assert (fresh.rows, fresh.since()) == (rows, -EVER)
            assert house.numbers(fresh) == house.numbers(store) == list(range(rows))


def test_killed_while_the_engine_writes(private, small_groups, house):
    store = PostgresStore(private.dsn, table="ahead", password="right")
    store.open()
    ahead, every = WriteAhead(store), house.parts(80)
    try:
        for n, part in enumerate(every):
            ahead.put(part, n * 50)
            if n == 50:
                wait_until(lambda: store.rows > 500)
                private.kill()
                wait_until(lambda: ahead.error or not ahead.waiting)
                private.start()
        assert ahead.flush(60)
        assert house.numbers(store) == list(range(80 * 50))
        assert len(house.told(store, -EVER, EVER, 60 * SECOND)) > 130
    finally:
        ahead.close()


def test_a_reader_follows_a_writer_of_another_process(postgres_server, table, small_groups, house):
    given = {"table": table, "partition": 60}
    writer, twin = PostgresStore(postgres_server.dsn, **given), ListStore()
    reader = PostgresStore(postgres_server.dsn, **given)
    assert (reader.span(), house.told(reader, -EVER, EVER, SECOND)) == (None, [])
    for n, part in enumerate(house.parts(12)):
        writer.append(part, n * 50)
        twin.append(part, n * 50)
        for width in (0, 10 * SECOND):
            assert house.told(reader, -EVER, EVER, width) == house.told(twin, -EVER, EVER, width)
        assert reader.span() == twin.span()
    assert reader.rows == 600
    before = FIRST_PART + 3 * MINUTE
    assert writer.prune(before) == sum(START + n * SECOND < before for n in range(600))
    assert reader.since() == writer.since() == before
    assert reader.span()[0] >= before
    assert reader.stats().rows == writer.stats().rows == len(house.numbers(reader))
    for width in (0, 10 * SECOND):
        assert house.told(reader, before, EVER, width) == house.told(twin, before, EVER, width)
    reader.append(house.parts(13)[12], 600)  # the writer of before has ended, say
    assert house.numbers(writer)[-1] == 649


def test_many_read_while_one_writes(postgres_server, table, small_groups, house):
    errors, done = [], threading.Event()
    with PostgresStore(postgres_server.dsn, table=table) as store:

        def look():
            while not done.is_set():
                before = store.rows
                found = house.numbers(store)
                coarse = sum(map(len, store.read(-EVER, EVER, width=SECOND)))
                if found != list(range(len(found))) or len(found) < before or coarse < before:
                    errors.append((before, len(found), coarse))

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n, part in enumerate(house.parts(20)):
            store.append(part, n * 50)
        done.set()
        for thread in threads:
            thread.join()
        assert not errors
        assert house.numbers(store) == list(range(1_000))


def test_a_reader_that_leaves_early_holds_nothing(postgres_server, table, house, query):
    with PostgresStore(postgres_server.dsn, table=table) as store:
        store.append(house.batch(START + np.arange(70_000) * SECOND), 0)
        rows = store.read(-EVER, EVER)
        assert len(next(rows)) == CHUNK_ROWS or len(next(rows))
        assert query("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'") == [(0,)]
        rows.close()
        del rows
        assert store.prune(EVER) == 70_000


def test_rows_are_read_in_the_order_of_their_key(postgres_server, table, house):
    with PostgresStore(postgres_server.dsn, table=table) as store:
        store.append(house.batch(START + np.arange(30_000) * SECOND), 0)
        with store._link.connection() as connection:
            order = "ORDER BY time, livewidget_row LIMIT 1000"
            told = f"EXPLAIN SELECT * FROM {table} WHERE (time, livewidget_row) > (5, 5) {order}"
            plan = " ".join(line for (line,) in connection.execute(told).fetchall())
    assert "Index Scan" in plan
    assert "Sort" not in plan


def test_retention_drops_whole_partitions(postgres_server, table, small_groups, house, query):
    now = START + 10_000 * SECOND
    given = {"table": table, "partition": "1min", "retention": "3min", "clock": lambda: now}
    count = f"SELECT count(*) FROM pg_inherits WHERE inhparent = '{table}'::regclass"
    with PostgresStore(postgres_server.dsn, **given) as store:
        for n, part in enumerate(house.parts(12)):
            store.append(part, n * 50)
        last = START + 599 * SECOND
        since = (last - 3 * MINUTE) // MINUTE * MINUTE
        assert store.since() == since
        assert store.span() == (since, last)
        assert query(count) == [(4,)]
        assert store.rows == 600
        late = house.batch([START, last], 600)
        store.append(late, 600)  # a partition is made, and goes with the next look
        assert (store.since(), query(count)) == (since, [(4,)])
        store.append(house.batch([START + SECOND, START + 9_999_999 * SECOND], 602), 602)
        assert house.numbers(store) == [603]  # a time that is to come counts as now


def test_what_cannot_be_dropped_now_is_dropped_later(
    postgres_server, table, house, query, monkeypatch
):
    monkeypatch.setattr(postgres_tables, "_TOO_LONG", "20ms")
    monkeypatch.setattr(postgres, "_RETRY_S", 0)
    psycopg = pytest.importorskip("psycopg")
    parts = house.parts(12)
    with (
        PostgresStore(postgres_server.dsn, table=table, partition=60, retention=180) as store,
        psycopg.connect(postgres_server.dsn) as other,
    ):
        store.append(parts[0], 0)
        other.execute(f"SELECT * FROM {table}")
        store.append(parts[11], 550)
        assert len(house.numbers(store)) == 100
        with pytest.raises(StoreError, match="lock timeout"):
            store.prune(START + 3 * MINUTE)
        other.rollback()
        store.append(parts[11], 550)
        assert len(house.numbers(store)) == 50


def test_rows_that_were_given_up_move_since(postgres_server, table, small_groups, house):
    with PostgresStore(postgres_server.dsn, table=table) as store:
        for n, part in enumerate(house.parts(12)):
            if n not in (1, 2, 5):
                store.append(part, n * 50)
        since = START + 6 * 50 * SECOND
        assert store.since() == since
        for each in (store, PostgresStore(postgres_server.dsn, table=table)):
            assert (each.since(), len(house.numbers(each))) == (since, 9 * 50)
            assert len(house.told(each, -EVER, EVER, SECOND)) == 9 * 50
            each.close()


def test_a_database_that_went_back_goes_on_and_says_from_when(
    postgres_server, small_groups, house, query
):
    query("CREATE DATABASE past")
    url = postgres_server.dsn.rsplit("/", 1)[0] + "/past"
    store, parts = PostgresStore(url), house.parts(20)
    for n in range(10):
        store.append(parts[n], n * 50)
    store.close()
    query("CREATE DATABASE backup TEMPLATE past")
    for n in range(10, 15):
        store.append(parts[n], n * 50)
    store.close()
    query("DROP DATABASE past")
    query("ALTER DATABASE backup RENAME TO past")
    assert len(house.numbers(store)) == 500
    since = START + 15 * 50 * SECOND
    assert store.since() == since - SECOND + 1
    assert store.rows == 750
    for n in range(15, 20):
        store.append(parts[n], n * 50)
    with PostgresStore(url) as fresh:
        assert (fresh.rows, fresh.since(), store.since()) == (1_000, since, since)
        assert house.told(fresh, since, EVER, 60 * SECOND) == house.told(
            store, since, EVER, 60 * SECOND
        )
        assert len(house.numbers(fresh)) == 750


def test_text_and_numbers_of_any_kind(postgres_server, table):
    names = ['a"b', "select", "ü\n", "%s {0}", "time"]
    keys = [None, "", "\0", "\x1b0000", "\ud800 \x1b", "€ 'x'", "\\N", "k"]
    numbers = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e308, -1.5]
    times = np.array([-(2**61), -1, 0, 1, 5, 2**61, 7, 7], dtype="M8[ns]")
    other = np.array(["NaT", *times[1:]], dtype="M8[ns]")
    columns = (keys, keys[::-1], numbers, other, times)
    data = Batch.of(dict(zip(names, columns, strict=True)), time="time")
    with PostgresStore(postgres_server.dsn, table=table, partition=10**9) as store:
        store.append(data, 0)
        found = [str(row) for each in store.read(-EVER, EVER) for row in each.rows()]
    rows = list(data.rows())
    assert found == [str(rows[n]) for n in np.argsort(data.times, kind="stable")]


def test_the_view_shows_times_and_gaps_as_people_write_them(postgres_server, table, house, query):
    with PostgresStore(postgres_server.dsn, table=table) as store:
        store.append(house.batch([START, START + SECOND // 2]), 0)
    rows = query(f"SELECT time AT TIME ZONE 'UTC', v, key FROM {table}_view ORDER BY n")
    assert [str(row[0]) for row in rows] == ["2023-11-14 22:13:20", "2023-11-14 22:13:20.500000"]
    assert rows[0][1] is None
    assert rows[1][1:] == (pytest.approx(np.sin(7.0)), "k1")
