"""The PostgreSQL sink against a real server: killed in mid-stream, with keys, with bad rows."""

import contextlib

import pytest

from livewidget import DataStreamer, Schema
from livewidget.data.batch import Batch
from livewidget.data.errors import RejectedError, SettingError, SinkError
from livewidget.sinks.postgres import PostgresSink
from livewidget.testing import FaultProxy, PostgresServer, wait_until

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
SECRET = "a-very-secret-word"
TICKS = Schema.of({"time": "time", "n": "int", "price": "float", "symbol": "text"}, "time")


def ticks(first, stop):
    numbers = range(first, stop)
    return {
        "time": [1.7e9 + n for n in numbers],
        "n": list(numbers),
        "price": [n / 4 for n in numbers],
        "symbol": [f"S{n % 3}" for n in numbers],
    }


def batch(first, stop):
    return Batch.of(ticks(first, stop), TICKS)


@pytest.fixture(scope="module")
def server():
    if not PostgresServer.is_available():
        pytest.skip("PostgreSQL is not installed")
    with PostgresServer(password=SECRET) as server:
        yield server


@pytest.fixture
def asked(server):
    """Runs a query; each test has a database of its own."""
    with psycopg.connect(server.dsn, password=SECRET, autocommit=True) as link:
        link.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def ask(query):
        with psycopg.connect(server.dsn, password=SECRET, autocommit=True) as link:
            found = link.execute(query)
            return found.fetchall() if found.description else None

    return ask


@pytest.fixture
def sink(server, asked):
    def made(**options):
        return PostgresSink(server.dsn, password=SECRET, **options)

    return made


async def test_rows_are_there_as_they_were(sink, asked):
    odd = {
        "time": [1.5, 2.5, 3.5],
        "n": [2**62, -1, 0],
        "price": [0.1, None, float("inf")],
        "symbol": ["tab\tline\nback\\slash '\"", "", None],
    }
    async with sink(table="odd") as each:
        await each.write(Batch.of(odd, TICKS))
    rows = asked("SELECT extract(epoch FROM time)::float, n, price, symbol FROM odd ORDER BY _row")
    assert rows == list(zip(*odd.values(), strict=True))


async def test_what_comes_again_is_not_doubled_but_another_run_is_another(sink, asked):
    for each in (sink(), sink()):
        async with each:
            await each.write_from(batch(0, 10), 0)
            await each.write_from(batch(5, 15), 5)
    counts = asked("SELECT count(*), count(DISTINCT _run), max(_row) FROM livewidget_rows")
    assert counts == [(30, 2, 14)]


async def test_a_named_run_goes_on_in_the_next_process(sink, asked):
    for first in (0, 6):
        async with sink(run="prices") as each:
            await each.write_from(batch(first, first + 10), first)
    assert asked("SELECT _run, count(*) FROM livewidget_rows GROUP BY 1") == [("prices", 16)]


@pytest.mark.parametrize(("way", "price"), [("ignore", 1.0), ("update", 3.0)])
async def test_a_key_keeps_the_first_or_the_last(sink, asked, way, price):
    rows = {"time": [1, 1, 1], "n": [1, 1, 2], "price": [1.0, 2.0, 9.0], "symbol": ["a"] * 3}
    again = {"time": [1], "n": [1], "price": [3.0], "symbol": ["a"]}
    async with sink(table="kept", key=("time", "n"), on_conflict=way) as each:
        await each.write(Batch.of(rows, TICKS))
        await each.write(Batch.of(again, TICKS))
    assert asked("SELECT n, price FROM kept ORDER BY n") == [(1, price), (2, 9.0)]


async def test_rows_that_the_table_refuses_are_named_and_the_others_are_there(sink, asked):
    asked("CREATE TABLE own (time bigint, n int PRIMARY KEY, price numeric CHECK (price < 5))")
    schema = Schema.of({"time": "time", "n": "int", "price": "float"}, "time")
    rows = Batch.of({"time": [1] * 4, "n": [1, 2**40, 3, 4], "price": [1, 2, 7, 4]}, schema)
    async with sink(table="public.own", key="n", times="ns") as each:
        with pytest.raises(RejectedError, match="out of range") as refused:
            await each.write(rows)
    assert refused.value.rows == [1, 2]
    assert asked("SELECT n FROM own ORDER BY n") == [(1,), (4,)]


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ("(time timestamptz, n int, price float, symbol text)", None, "columns _run and _row"),
        ("(time timestamptz, n int, price float, symbol text)", "n", "a unique index"),
        ("(time timestamptz, n int PRIMARY KEY, symbol text)", "n", '"price" does not exist'),
    ],
)
async def test_a_table_that_does_not_fit_is_told(sink, asked, table, key, message):
    asked(f"CREATE TABLE own {table}")
    async with sink(table="own", key=key) as each:
        with pytest.raises(SettingError, match=message):
            await each.write(batch(0, 2))


async def test_a_wrong_password_is_in_no_message(server):
    sink = PostgresSink(f"postgresql://postgres:{SECRET}x@127.0.0.1:{server.port}/postgres")
    with pytest.raises(SinkError, match="password authentication failed") as raised:
        await sink.open()
    assert SECRET not in f"{raised.value}{sink!r}{sink.name}"


def test_killed_in_mid_stream_nothing_is_lost_or_doubled(server, sink, asked):
    streamer = DataStreamer(schema=TICKS)
    try:
        output = streamer.send_to(sink(table="kept"), batch_rows=500)
        for part in range(20):
            streamer.push(ticks(part * 1_000, part * 1_000 + 1_000))
            if part == 5:
                wait_until(lambda: output.written > 0)
                server.kill()
                wait_until(lambda: output.error)
                server.start()
        wait_until(lambda: output.written == 20_000, 30)
    finally:
        streamer.stop()
        with contextlib.suppress(Exception):
            server.start()
    counts = asked("SELECT count(*), count(DISTINCT n), sum(n) FROM kept")
    assert counts == [(20_000, 20_000, sum(range(20_000)))]
    assert output.rejected == output.dropped == 0


def test_cut_off_at_any_byte_of_an_answer_nothing_is_lost_or_doubled(server, asked):
    with FaultProxy(server.port) as proxy:
        streamer = DataStreamer(schema=TICKS)
        try:
            to = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"
            output = streamer.send_to(to, password=SECRET, table="cut", batch_rows=100)
            for part in range(16):
                proxy.cut_after(1 + 11 * part)  # behind a COMMIT, too
                streamer.push(ticks(part * 100, part * 100 + 100))
                wait_until(lambda rows=part * 100 + 100: output.written == rows, 30)
        finally:
            streamer.stop()
    counts = asked("SELECT count(*), count(DISTINCT n), sum(n) FROM cut")
    assert counts == [(1_600, 1_600, sum(range(1_600)))]
    assert output.retried > 3


async def test_text_that_postgresql_cannot_hold_is_refused_alone(sink, asked):
    rows = ticks(0, 3) | {"symbol": ["a", "nul\0", "half \ud800"]}
    async with sink(table="odd") as each:
        with pytest.raises(RejectedError, match="invalid byte sequence") as refused:
            await each.write(Batch.of(rows, TICKS))
    assert refused.value.rows == [1]
    assert asked("SELECT symbol FROM odd ORDER BY _row") == [("a",), ("half ?",)]


def test_numbers_of_a_durable_buffer_go_on_in_the_next_process(tmp_path, sink, asked):
    for first, stop in ((0, 3_000), (3_000, 5_000)):
        streamer = DataStreamer(schema=TICKS, store=tmp_path / "ticks")
        try:
            output = streamer.send_to(sink(table="kept", run="ticks"))
            streamer.push(ticks(first, stop))
            wait_until(lambda output=output, rows=stop - first: output.written == rows)
        finally:
            streamer.stop()
    counts = asked("SELECT count(*), min(_row), max(_row), bool_and(_row = n) FROM kept")
    assert counts == [(5_000, 0, 4_999, True)]
