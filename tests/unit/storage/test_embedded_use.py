"""The embedded store in use: by other tools and processes, sealed, bounded, with small state."""

import gc
import inspect
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage.embedded import EmbeddedStore, log
from livewidget.testing import ListStore, wait_until

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
FILES = Path("/proc/self/fd")
SCHEMA = Schema.of({"time": "time", "v": "float", "n": "int", "key": "text"}, "time")


def batch_of(first, rows=100):
    numbers = np.arange(first, first + rows)
    keys = [None if n % 7 == 0 else f"k{n % 3}" for n in numbers]
    values = np.where(numbers % 5 == 0, np.nan, np.sin(numbers * 7.0))
    times = (START + numbers * SECOND).view("M8[ns]")
    return Batch.of({"time": times, "v": values, "n": numbers, "key": keys}, SCHEMA)


def fill(store, stop, first=0):
    for at in range(first, stop, 100):
        store.append(batch_of(at), at)


def numbers(store, start=-EVER, stop=EVER):
    return [n for batch in store.read(start, stop) for n in batch["n"].tolist()]


def told(store, width=0):
    return [str(row) for each in store.read(-EVER, EVER, width=width) for row in each.rows()]


@pytest.fixture
def closed(tmp_path):
    with EmbeddedStore(tmp_path, partition_rows=500) as store:
        fill(store, 2000)
        assert store.settle()
    return f"{tmp_path}/parts/*.parquet"


def test_duckdb_reads_the_partitions(closed):
    duckdb = pytest.importorskip("duckdb")
    asked = f"select count(*), sum(n), min(time)::varchar, count(key) from '{closed}'"
    rows, total, first, keys = duckdb.connect().execute(asked).fetchone()
    assert (rows, total, keys) == (2000, sum(range(2000)), 2000 - 286)
    assert first.startswith("2023-11-14 22:13:20")


def test_pandas_reads_the_partitions(closed, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.concat(map(pandas.read_parquet, sorted((tmp_path / "parts").iterdir())))
    assert frame["n"].tolist() == list(range(2000))
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]"
    assert frame["time"].iloc[0] == pandas.Timestamp(START, tz="UTC")
    assert frame["key"].iloc[1] == "k1"
    assert frame["key"].isna().sum() == 286


def test_polars_reads_the_partitions(closed):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(closed)
    assert frame["n"].to_list() == list(range(2000))
    assert frame["time"].dtype == polars.Datetime("ns", "UTC")
    assert np.isnan(frame["v"][0])


WRITER = """
import sys
from tests_use import batch_of
from livewidget.storage.embedded import EmbeddedStore
with EmbeddedStore(sys.argv[1], partition_rows=300, partition_s=1e6) as store:
    for line in sys.stdin:
        word, at = line.split()
        if word == "append":
            store.append(batch_of(int(at)), int(at))
        elif word == "prune":
            store.prune(int(at))
        else:
            store.settle()
        print("done", flush=True)
"""


@pytest.fixture
def writer(tmp_path):
    """Tells a store in another process what to do, and returns once it is done."""
    script = WRITER.replace("from tests_use import batch_of", _source())
    command = [sys.executable, "-c", script, str(tmp_path / "store")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def tell(word, at=0):
            process.stdin.write(f"{word} {at}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        yield tell
        process.stdin.close()
        assert process.wait(30) == 0


def _source():
    return (
        "import numpy as np\nfrom livewidget.data.batch import Batch\n"
        "from livewidget.data.schema import Schema\n"
        f"SECOND, START = {SECOND}, {START}\n"
        'SCHEMA = Schema.of({"time": "time", "v": "float", "n": "int", "key": "text"}, "time")\n'
    ) + inspect.getsource(batch_of)


def test_another_process_reads_what_was_appended(tmp_path, writer):
    writer("append", 0)
    twin = ListStore()
    twin.append(batch_of(0), 0)
    with EmbeddedStore(tmp_path / "store", readonly=True) as store:
        for at in range(100, 2000, 100):
            writer("append", at)
            twin.append(batch_of(at), at)
            assert store.rows == at + 100
            assert store.span() == (START, START + (at + 99) * SECOND)
            for width in (0, 60 * SECOND):
                assert told(store, width) == told(twin, width)
        writer("settle")
        assert told(store) == told(twin)
        reading = store.read(-EVER, EVER)
        writer("prune", START + 1000 * SECOND)
        assert sum(map(len, reading)) >= 1100
        assert store.since() == START + 899 * SECOND + 1
        assert numbers(store) == list(range(900, 2000))
        assert [first for first, _ in store.rows_from(0)] == [900, 1200, 1500, 1800]
        assert store.first_since(START + 1250 * SECOND) == 1200
        writer("append", 2000)
        assert store.rows == 2100


def test_what_is_sealed_shows_nothing(tmp_path, small_twin):
    with EmbeddedStore(tmp_path, password="open sesame", partition_rows=600) as store:
        fill(store, 1600)
        store.save("cursor", b"a secret place")
        assert "sesame" not in repr(store) + repr(vars(store)) + str(store.stats())
        for width in (0, 60 * SECOND):
            assert told(store, width) == told(small_twin, width)
    for each in tmp_path.rglob("*"):
        if each.is_file() and each.parent != tmp_path:
            data = each.read_bytes()
            assert b"k1" not in data or len(data) > 1000, each
            assert b'"k1"' not in data
            assert b"secret" not in data
            assert b"PAR1" not in data
    with EmbeddedStore(tmp_path, password=lambda: b"open sesame", partition_rows=600) as store:
        assert told(store) == told(small_twin)
        assert store.settle()
        assert told(store, 60 * SECOND) == told(small_twin, 60 * SECOND)
        assert store.load("cursor") == b"a secret place"


@pytest.fixture
def small_twin():
    twin = ListStore()
    fill(twin, 1600)
    return twin


def test_passwords_that_do_not_fit(tmp_path):
    for password in (None, "right"):
        with EmbeddedStore(tmp_path / str(password), password=password) as store:
            fill(store, 100)
    for path, password, words in (
        ("right", "sesame", "the password is wrong"),
        ("right", None, "it needs a password"),
        ("None", "right", "it takes no password"),
    ):
        with pytest.raises(StoreError, match=words) as caught:
            EmbeddedStore(tmp_path / path, password=password).open()
        assert str(password) not in str(caught.value).replace(str(tmp_path / path), "")
    with pytest.raises(SettingError, match="must not be empty"):
        EmbeddedStore(tmp_path / "new", password="").open()
    for password in (None, "right"):
        with EmbeddedStore(tmp_path / str(password), password=password) as store:
            assert numbers(store) == list(range(100))


def test_what_is_sealed_and_changed_is_told(tmp_path):
    with EmbeddedStore(tmp_path, password="x", partition_rows=300) as store:
        fill(store, 900)
        assert store.settle()
    place = sorted((tmp_path / "parts").iterdir())[1]
    data = bytearray(place.read_bytes())
    data[500] ^= 1
    place.write_bytes(data)
    with EmbeddedStore(tmp_path, password="x") as store:
        with pytest.raises(StoreError, match=place.name):
            numbers(store)
        assert numbers(store, START, START + 300 * SECOND) == list(range(300))


def test_retention_lets_go_when_a_partition_is_closed(tmp_path):
    with EmbeddedStore(tmp_path, partition_rows=200, retention=700) as store:
        fill(store, 3000)
        assert store.settle()
        wait_until(lambda: store.since() > START + 2000 * SECOND)
        kept = numbers(store)
        assert kept == list(range(kept[0], 3000))
        assert store.since() == START + (kept[0] - 1) * SECOND + 1
        assert 700 <= len(kept) <= 900
        assert store.stats().rows == len(kept)
    with EmbeddedStore(tmp_path) as store:
        assert numbers(store) == kept
        assert store.rows == 3000


def test_a_time_in_the_future_does_not_let_go_of_the_present(tmp_path):
    with EmbeddedStore(tmp_path, partition_rows=200, retention=5e9) as store:
        fill(store, 400)
        late = Batch(SCHEMA, (np.full(100, EVER - 1), *batch_of(400).columns[1:]))
        store.append(late, 400)
        assert store.settle()
        assert len(numbers(store)) == 500


def test_a_bound_of_bytes_lets_go_of_the_oldest(tmp_path):
    with EmbeddedStore(tmp_path, partition_rows=200, max_bytes=30_000) as store:
        fill(store, 6000)
        assert store.settle()
        wait_until(lambda: store.stats().nbytes <= 31_000)
        kept = numbers(store)
        assert kept == list(range(kept[0], 6000))
        assert store.since() == START + (kept[0] - 1) * SECOND + 1


def test_a_partition_is_closed_by_its_time(tmp_path):
    with EmbeddedStore(tmp_path, partition_s=1500) as store:
        fill(store, 5000)
        wait_until(lambda: len(list((tmp_path / "parts").iterdir())) == 3)
        assert numbers(store) == list(range(5000))


def test_rows_that_never_came_are_named(tmp_path):
    with EmbeddedStore(tmp_path, partition_rows=300) as store:
        store.append(batch_of(500), 500)
        assert store.since() == START + 500 * SECOND
        store.append(batch_of(900), 900)
        (hole,) = store.holes()
        assert hole[0] <= START + 600 * SECOND
        assert hole[1] > START + 899 * SECOND
        assert [first for first, _ in store.rows_from(0)] == [500, 900]
        store.append(batch_of(1000), 1000)
        assert store.settle()
        assert [first for first, _ in store.rows_from(0)] == [500, 900]
    with EmbeddedStore(tmp_path) as store:
        assert store.holes() == (hole,)
        assert store.rows == 1100
        assert numbers(store) == [*range(500, 600), *range(900, 1100)]
        assert store.prune(START + 800 * SECOND) == 100
        assert store.since() == START + 599 * SECOND + 1


def test_small_state(tmp_path):
    with EmbeddedStore(tmp_path) as store:
        assert store.load("cursor") is None
        store.save("cursor", b"1")
        store.save("cursor", b"22")
        store.save("other-key_2", b"")
        for key in ("", "Up", "a/b", "..", 3):
            with pytest.raises(SettingError, match="key is"):
                store.save(key, b"")
    with EmbeddedStore(tmp_path) as store:
        assert (store.load("cursor"), store.load("other-key_2")) == (b"22", b"")
        path = tmp_path / "state" / "cursor"
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(StoreError, match="cursor is damaged"):
            store.load("cursor")


def test_flush_and_the_policies(tmp_path, monkeypatch):
    syncs = []
    real = log.fdatasync
    monkeypatch.setattr(log, "fdatasync", lambda handle: (syncs.append(1), real(handle)))
    counts = {}
    for sync in ("strict", "interval", "os"):
        syncs.clear()
        with EmbeddedStore(tmp_path / sync, sync=sync, sync_s=1000) as store:
            fill(store, 1000)
            counts[sync] = len(syncs)
            store.flush()
            assert len(syncs) == counts[sync] + 1
    assert counts == {"strict": 10, "interval": 0, "os": 0}
    with EmbeddedStore(tmp_path / "soon", sync_s=0.01) as store:
        syncs.clear()
        fill(store, 100)
        wait_until(lambda: syncs)


def test_text_of_any_letters(tmp_path):
    names = ["", "\x00", "ü\n", '"', "\ud800", "k" * 5000, "\u2028", None]
    data = Batch.of({"time": [1e9 + n for n in range(8)], 'ke"y': names})
    with EmbeddedStore(tmp_path, partition_rows=8) as store:
        for first in (0, 8, 16):
            store.append(data, first)
        expected = [*names[:4], "\ufffd", *names[5:]]
        assert store.settle()
        store.append(data, 24)
        for _, batch in store.rows_from(0):
            assert batch['ke"y'].decode().tolist() == expected * (len(batch) // 8)


@pytest.mark.skipif(not FILES.exists(), reason="open files are listed on Linux")
def test_nothing_is_left_open(tmp_path):
    def left():
        gc.collect()
        return len(list(FILES.iterdir())), threading.active_count()

    with EmbeddedStore(tmp_path, partition_rows=100) as store:
        fill(store, 300)
        store.settle()
    before = left()
    for _ in range(3):
        with EmbeddedStore(tmp_path, partition_rows=100) as store:
            fill(store, store.rows + 300, store.rows)
            numbers(store)
            store.settle()
        del store
    assert left() <= before


def test_a_range_that_ends_before_it_begins(tmp_path):
    with EmbeddedStore(tmp_path) as store:
        with pytest.raises(SettingError, match="a range ends after it starts"):
            store.read(2, 1)
        assert list(store.read(1, 1)) == []
        assert store.span() is None
        assert store.schema is None
    with pytest.raises(StoreError, match="is not open"):
        list(store.read(1, 2))
