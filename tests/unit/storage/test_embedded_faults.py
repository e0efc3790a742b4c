"""What a crash, a full disk, damage and a wrong hand do to the embedded store: told, never lost."""

import errno
import json
import os
import subprocess
import sys

import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SchemaError, SettingError, StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage.embedded import EmbeddedStore, folder, log
from livewidget.testing import wait_until

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
SCHEMA = Schema.of({"time": "time", "n": "int", "key": "text"}, "time")


def batch_of(first, rows=50):
    numbers = list(range(first, first + rows))
    times = [1_700_000_000 + n for n in numbers]
    return Batch.of({"time": times, "n": numbers, "key": [f"k{n % 60}" for n in numbers]}, SCHEMA)


def numbers(store, start=-EVER, stop=EVER):
    return [n for batch in store.read(start, stop) for n in batch["n"].tolist()]


def keys(store):
    return [key for batch in store.read(-EVER, EVER) for key in batch["key"].decode()]


def filled(path, rows=500, **options):
    """A store that was left as a crash leaves it: closed without anything more to be done."""
    with EmbeddedStore(path, **options) as store:
        for first in range(0, rows, 50):
            store.append(batch_of(first), first)
        if "partition_rows" in options:
            assert store.settle()
    return path


def logs(path):
    return sorted((path / "log").glob("*.log"))


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("cut", [1, 30, 47, 48, 49, 700])
def test_a_torn_tail_is_cut_and_said(tmp_path, caplog, cut):
    (path,) = logs(filled(tmp_path))
    size = path.stat().st_size
    os.truncate(path, size - cut)
    with EmbeddedStore(tmp_path) as store:
        assert store.rows == 450
        assert numbers(store) == list(range(450))
        assert "bytes after its last whole record (row 450) are torn" in store.repairs[0]
        assert store.repairs[0] in store.stats().detail
        assert store.repairs[0] in caplog.text
        store.append(batch_of(400, 100), 400)
    with EmbeddedStore(tmp_path) as store:
        assert numbers(store) == list(range(500))
        assert keys(store) == [f"k{n % 60}" for n in range(500)]
        assert not store.repairs


def test_a_flipped_tail_is_cut(tmp_path):
    (path,) = logs(filled(tmp_path))
    flip(path, path.stat().st_size - 100)
    with EmbeddedStore(tmp_path) as store:
        assert (store.rows, numbers(store)) == (450, list(range(450)))
        assert store.repairs


def test_damage_in_the_middle_costs_one_record(tmp_path):
    (path,) = logs(filled(tmp_path))
    at = path.read_bytes().find(b"LWR1", 6000)
    flip(path, at + 100)
    with EmbeddedStore(tmp_path) as store:
        lost = sorted(set(range(500)) - set(numbers(store)))
        assert len(lost) == 50
        (hole,) = store.holes()
        assert hole[0] <= START + lost[0] * SECOND < START + lost[-1] * SECOND < hole[1]
        assert hole[1] - hole[0] <= 52 * SECOND
        assert "damaged, and passed over" in store.repairs[0]
        assert store.rows == 500
        store.append(batch_of(500), 500)
        assert store.settle()
        assert sorted(set(range(550)) - set(numbers(store))) == lost
        assert [n for n, _ in store.rows_from(0)] == [0, lost[-1] + 1]
        assert list((tmp_path / "log").glob("*.damaged"))
    with EmbeddedStore(tmp_path) as store:
        assert store.holes() == (hole,)
        assert not store.repairs


def test_a_damaged_head_of_a_log(tmp_path):
    (path,) = logs(filled(tmp_path))
    flip(path, 3)
    with EmbeddedStore(tmp_path) as store:
        assert numbers(store) == list(range(500))
        assert "its head is damaged" in store.repairs[0]


def test_a_damaged_head_of_a_sealed_log_costs_the_log_and_no_more(tmp_path):
    with EmbeddedStore(tmp_path, password="x", partition_rows=300) as store:
        for first in range(0, 500, 50):
            store.append(batch_of(first), first)
        wait_until(lambda: len(list((tmp_path / "log").iterdir())) == 1)
    flip(logs(tmp_path)[0], 10)
    with EmbeddedStore(tmp_path, password="x", partition_rows=300) as store:
        assert store.rows == 500
        assert store.holes() == ((START + 300 * SECOND, START + 499 * SECOND + 1),)
        store.append(batch_of(500), 500)
        assert numbers(store) == [*range(300), *range(500, 550)]
        assert "its head is damaged" in store.repairs[0]


def test_damage_of_names_costs_no_others(tmp_path):
    (path,) = logs(filled(tmp_path))
    flip(path, path.read_bytes().find(b'"k3"'))
    with EmbeddedStore(tmp_path) as store:
        found = keys(store)
        assert found[:10] == [f"k{n}" for n in range(50, 60)]
        assert found[10] == "\ufffd0"
        assert len(found) == 450


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    with EmbeddedStore(tmp_path) as store:
        store.append(batch_of(0), 0)

        def half(handle, head, body):
            os.write(handle, head + body[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(log, "_write", half)
        for _ in range(2):
            with pytest.raises(StoreError, match="No space left"):
                store.append(batch_of(50), 50)
        assert store.stats().state == "failing"
        assert numbers(store) == list(range(50))
        monkeypatch.setattr(log.os, "ftruncate", lambda handle, _: half(handle, b"", b""))
        with pytest.raises(StoreError):
            store.append(batch_of(50), 50)
        assert numbers(store) == list(range(50))
        monkeypatch.undo()
        store.append(batch_of(50), 50)
        assert store.stats().state == "open"
        assert numbers(store) == list(range(100))
    with EmbeddedStore(tmp_path) as store:
        assert numbers(store) == list(range(100))
        assert keys(store) == [f"k{n % 60}" for n in range(100)]


def test_a_disk_that_cannot_sync(tmp_path, monkeypatch):
    with EmbeddedStore(tmp_path, sync="strict") as store:
        store.append(batch_of(0), 0)
        with monkeypatch.context() as patch:
            patch.setattr(log, "fdatasync", lambda _: (_ for _ in ()).throw(OSError("EIO")))
            with pytest.raises(StoreError, match="EIO"):
                store.append(batch_of(50), 50)
            assert numbers(store) == list(range(50))
        store.append(batch_of(50), 50)
        assert numbers(store) == list(range(100))


def test_a_partition_that_cannot_be_written_stays_a_log(tmp_path, monkeypatch):
    with EmbeddedStore(tmp_path, partition_rows=100) as store:
        store.append(batch_of(0), 0)
        with monkeypatch.context() as patch:
            full = OSError(errno.ENOSPC, "No space left on device")
            patch.setattr(folder.os, "fsync", lambda _: (_ for _ in ()).throw(full))
            for first in range(50, 500, 50):
                store.append(batch_of(first), first)
            assert not store.settle()
            assert store.stats().state == "failing"
            assert "No space left" in store.stats().detail
        assert numbers(store) == list(range(500))
    with EmbeddedStore(tmp_path, partition_rows=100) as store:
        assert store.settle()
        assert numbers(store) == list(range(500))
        assert len(list((tmp_path / "parts").iterdir())) == 5
        assert not list(tmp_path.rglob("*.tmp"))


LIMITED = """
import resource, sys
from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.storage.embedded import EmbeddedStore
def part(first):
    return Batch.of({"time": [1.7e9 + n for n in range(first, first + 1000)],
                     "n": [float(n) for n in range(first, first + 1000)]})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
with EmbeddedStore(sys.argv[1], sync="strict", partition_s=1e6) as store:
    try:
        for first in range(0, 100_000, 1000):
            store.append(part(first), first)
    except StoreError as error:
        assert "File too large" in str(error), error
    stood = store.rows
    assert 5_000 < stood == first < 15_000, stood
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    for first in range(first, 20_000, 1000):
        store.append(part(first), first)
with EmbeddedStore(sys.argv[1]) as store:
    assert not store.repairs
    found = [n for batch in store.read(-2**62, 2**62) for n in batch["n"].tolist()]
    assert found == [float(n) for n in range(20_000)]
"""
NOBODY = """
import os, sys
import pandas, pyarrow.parquet
from livewidget.data.errors import StoreError
from livewidget.storage.embedded import EmbeddedStore
os.setuid(65534)
try:
    EmbeddedStore(sys.argv[1]).open()
except StoreError as error:
    print(error)
store = EmbeddedStore(sys.argv[1], readonly=True)
store.open()
print(sum(map(len, store.read(-2**62, 2**62))))
"""


def run(script, *args):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def test_a_file_that_may_grow_no_more(tmp_path):
    pytest.importorskip("resource", reason="limits are of Unix")
    run(LIMITED, tmp_path / "store")


def test_a_folder_that_may_not_be_written_to(tmp_path):
    filled(tmp_path / "store", partition_rows=200)
    if not hasattr(os, "getuid") or os.getuid():
        (tmp_path / "store" / "lock").chmod(0o400)
        (tmp_path / "store").chmod(0o500)
        with pytest.raises(StoreError, match="Permission denied"):
            EmbeddedStore(tmp_path / "store").open()
        return
    for each in (*tmp_path.parents, tmp_path):
        if str(each).startswith("/tmp/"):
            each.chmod(0o755)
    told, rows = run(NOBODY, tmp_path / "store").splitlines()
    assert "Permission denied" in told
    assert rows == "500"


def test_a_damaged_partition_is_named_and_the_others_are_read(tmp_path):
    filled(tmp_path, partition_rows=100)
    damaged = sorted((tmp_path / "parts").iterdir())[2]
    flip(damaged, 300)
    with EmbeddedStore(tmp_path, partition_rows=100) as store:
        with pytest.raises(StoreError, match=damaged.name):
            numbers(store)
        assert numbers(store, START, START + 200 * SECOND) == list(range(200))
        assert numbers(store, START + 300 * SECOND, EVER) == list(range(300, 500))
        damaged.write_bytes(b"nothing")
        with pytest.raises(StoreError, match=damaged.name):
            numbers(store, START + 200 * SECOND, START + 250 * SECOND)
        damaged.unlink()
        with pytest.raises(StoreError, match=damaged.name):
            numbers(store)


@pytest.mark.parametrize("how", ["flip", "short", "gone", "block"])
def test_damaged_levels_are_passed_over_and_made_again(tmp_path, how):
    with EmbeddedStore(tmp_path, partition_rows=400) as store:
        store.append(batch_of(0, 800), 0)
        assert store.settle()
        right = [
            str(row) for it in store.read(-EVER, EVER, width=100 * SECOND) for row in it.rows()
        ]
    first = min((tmp_path / "levels").iterdir())
    whole = first.read_bytes()
    if how == "gone":
        first.unlink()
    elif how == "short":
        first.write_bytes(whole[:50])
    else:
        flip(first, len(whole) - 30 if how == "flip" else 60)
    with EmbeddedStore(tmp_path, partition_rows=400) as store:
        found = [
            str(row) for it in store.read(-EVER, EVER, width=100 * SECOND) for row in it.rows()
        ]
        assert found == right
        assert store.settle()
        assert len(first.read_bytes()) == len(whole)
        assert store.stats().state == "open"


def test_one_writer_and_any_readers(tmp_path):
    with EmbeddedStore(tmp_path) as store:
        store.append(batch_of(0), 0)
        with pytest.raises(StoreError, match="is being written to by another"):
            EmbeddedStore(tmp_path).open()
        reader = EmbeddedStore(tmp_path, readonly=True)
        reader.open()
        with pytest.raises(StoreError, match="for reading only"):
            reader.append(batch_of(50), 50)
        assert reader.stats().state == "read only"
        assert numbers(reader) == list(range(50))
        reader.close()
    with EmbeddedStore(tmp_path) as store:
        assert store.rows == 50


def test_a_path_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is a file"):
        EmbeddedStore(tmp_path / "file").open()
    with pytest.raises(StoreError, match="not empty, and holds no store"):
        EmbeddedStore(tmp_path).open()
    with pytest.raises(StoreError, match="holds no store"):
        EmbeddedStore(tmp_path / "new", readonly=True).open()
    assert (tmp_path / "file").read_text() == "x"
    assert not (tmp_path / "new").exists()


def test_what_is_kept_must_fit(tmp_path):
    about = filled(tmp_path) / "store.json"
    with pytest.raises(SchemaError, match="the store holds"):
        EmbeddedStore(tmp_path).open(Schema.of({"time": "time"}, "time"))
    with pytest.raises(StoreError, match="by=None, got by='key'"):
        EmbeddedStore(tmp_path, by="key").open()
    with pytest.raises(SchemaError, match="must be a column of text"):
        EmbeddedStore(tmp_path / "by", by="n").open(SCHEMA)
    with EmbeddedStore(tmp_path) as store, pytest.raises(SchemaError):
        store.append(Batch.of({"time": [1e9]}), 500)
    right = about.read_text()
    about.write_text(json.dumps(json.loads(right) | {"version": 9}))
    with pytest.raises(StoreError, match="is of version 9, this program knows 1"):
        EmbeddedStore(tmp_path).open()
    for wrong in ("", "{}", "[]", right.replace("crc32", "crc"), right.replace("key", "kex")):
        about.write_text(wrong)
        with pytest.raises(StoreError, match="is damaged"):
            EmbeddedStore(tmp_path).open()
    about.write_text(right)
    with EmbeddedStore(tmp_path) as store:
        assert numbers(store) == list(range(500))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": ""}, "path is the folder"),
        ({"path": 3}, "path is the folder"),
        ({"sync": "never"}, "sync is one of"),
        ({"sync_s": 0}, "sync_s is a number of seconds above 0"),
        ({"partition_rows": 0}, "partition_rows is 1 or more"),
        ({"partition_s": -1}, "partition_s is a number"),
        ({"retention": 0}, "retention is a number of seconds above 0, or None"),
        ({"retention": "long"}, "retention is a number"),
        ({"max_bytes": 0}, "max_bytes is more than 0"),
        ({"password": 3}, "password is a text"),
    ],
)
def test_a_setting_that_cannot_be(options, words):
    with pytest.raises(SettingError, match=words):
        EmbeddedStore(**{"path": "x"} | options)


@pytest.mark.parametrize(
    ("module", "extra"),
    [("pyarrow.parquet", "store"), ("cryptography.hazmat.primitives.ciphers.aead", "encrypt")],
)
def test_what_is_not_installed_is_said(tmp_path, monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=f"livewidget\\[{extra}\\]"):
        EmbeddedStore(tmp_path, password="x").open()
    monkeypatch.undo()
    with EmbeddedStore(tmp_path) as store:
        store.append(batch_of(0), 0)
