"""A disk that is full, or a folder that may not be written to: told, survived, and made up for."""

import errno
import os
import subprocess
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.storage.embedded import EmbeddedStore, log
from livewidget.testing import wait_until

SCHEMA = Schema.of({"time": "time", "n": "int", "v": "float"}, "time")
BATCH = 500
DISK = "4m"
NOBODY = 65_534
CLOSE_S = 10.0
FLUSH_S = 30.0


class FullDisk:
    """A small disk of its own, where the test may mount one; else writes that find no room."""

    says = os.strerror(errno.ENOSPC)

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        folder.mkdir()
        self._patch = monkeypatch
        options = ["-t", "tmpfs", "-o", f"size={DISK}", "livewidget", str(folder)]
        self.mounted = (
            os.geteuid() == 0
            and not subprocess.run(["mount", *options], check=False, capture_output=True).returncode
        )
        self._ballast = folder / "ballast"

    def spoil(self):
        if not self.mounted:
            self._patch.setattr(log.os, "writev", self._refuse)
            return
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def mend(self):
        if self.mounted:
            self._ballast.unlink(missing_ok=True)
        else:
            self._patch.undo()

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)

    def _refuse(self, *_):
        raise OSError(errno.ENOSPC, self.says)


class LockedFolder:
    """A folder that its writer may not create files in any more."""

    says = os.strerror(errno.EACCES)

    def __init__(self, folder, monkeypatch):
        del monkeypatch
        self.folder = folder
        folder.mkdir()

    def spoil(self):
        self._change(0o555)
        if not os.geteuid():
            os.seteuid(NOBODY)  # root may do anything

    def mend(self):
        if not os.getuid():
            os.seteuid(0)
        self._change(0o755)

    def close(self):
        self.mend()

    def _change(self, mode):
        for each in [self.folder, *self.folder.rglob("*")]:
            if each.is_dir():
                each.chmod(mode)


@pytest.fixture(params=[FullDisk, LockedFolder])
def disk(request, tmp_path, monkeypatch):
    disk = request.param(tmp_path / "disk", monkeypatch)
    yield disk
    disk.close()


class Pushing:
    """A stream of numbered rows into a folder, whose partitions are small."""

    def __init__(self, folder):
        store = EmbeddedStore(folder, sync="strict", partition_rows=2_000)
        self.buffer = BufferManager(store=store)
        self.streamer = DataStreamer(buffer=self.buffer, schema=SCHEMA, max_ahead=None)
        self.pushed = 0

    def push(self, batches):
        for _ in range(batches):
            numbers = np.arange(self.pushed, self.pushed + BATCH)
            self.streamer.push(Batch(SCHEMA, (numbers * 1_000_000, numbers, numbers * 0.5)))
            self.pushed += BATCH
        self.streamer.drain()

    def check(self):
        account = self.streamer.account()
        assert account.received == self.pushed == account.stored + account.in_flight
        assert account.dropped == 0
        assert self.buffer.ring.snapshot()["n"].tolist() == [*range(self.pushed)]
        assert rows(self.buffer.ask(-EVER, EVER).batches) == [*range(self.pushed)]
        return account


@contextmanager
def quick():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < CLOSE_S


def rows(batches):
    return sorted(n for batch in batches for n in batch["n"].tolist())


def spoiled(disk):
    """A stream whose store fails."""
    stream = Pushing(disk.folder / "kept")
    stream.push(9)
    assert stream.buffer.flush(FLUSH_S)
    disk.spoil()
    stream.push(20)
    wait_until(lambda: stream.buffer.fails, 20)
    return stream


def test_the_state_is_told_the_memory_goes_on_and_what_waits_is_written_later(disk):
    stream = spoiled(disk)
    stats = stream.buffer.stats()
    assert stats["store"] == "failing"
    assert disk.says in stats["store_detail"]
    assert any("the store fails" in each for each in stream.buffer.advice())
    for _ in range(20):
        stream.push(2)
        assert stream.check().in_flight > 0
    disk.mend()
    assert stream.buffer.flush(FLUSH_S)
    wait_until(lambda: stream.buffer.stats()["store"] == "open", 20)
    assert stream.check().in_flight == 0
    with quick():
        stream.streamer.stop()
        stream.buffer.close()
    with EmbeddedStore(disk.folder / "kept", readonly=True) as store:
        assert rows(store.read(-EVER, EVER)) == [*range(stream.pushed)]


def test_it_is_closed_within_seconds_and_what_was_stored_is_there(disk):
    stream = spoiled(disk)
    with quick():
        stream.streamer.stop()
        stream.buffer.close()
    stored = stream.streamer.account().stored
    disk.mend()
    with EmbeddedStore(disk.folder / "kept", readonly=True) as store:
        found = rows(store.read(-EVER, EVER))
    # Of the last write a part may be there, though it was not told to be.
    assert found == [*range(max(stored, len(found)))]
