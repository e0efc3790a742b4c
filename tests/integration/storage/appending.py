"""A process that appends to an embedded store, notes what it was told is kept, and is killed."""

import os
import signal
import subprocess
import sys

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage.embedded import EmbeddedStore
from livewidget.testing import ListStore, wait_until

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
SCHEMA = Schema.of({"time": "time", "v": "float", "key": "text"}, "time")
OPTIONS = {"partition_rows": 180, "partition_s": 1e6}
MOST_ROWS = 50  # of a batch
SIZE = 8  # bytes of a number that was acknowledged


def batch_of(first, rows):
    """Rows that are told by their numbers alone; each twentieth is late by a minute."""
    numbers = np.arange(first, first + rows)
    times = START + (numbers - 60 * (numbers % 20 == 0)) * SECOND
    keys = [f"k{n % 90}" for n in numbers]
    data = {"time": times.view("M8[ns]"), "v": np.sin(numbers * 7.0), "key": keys}
    return Batch.of(data, SCHEMA)


class Appender:
    """Forks processes that append to a store until they are killed. Used with `with`."""

    def __enter__(self):
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        assert self._process.wait(30) == 0
        self._process.stdout.close()

    def killed(self, folder, sync, password, acks):
        """Let one append until so many appends were acknowledged, kill it; return the last row."""
        told = folder / "acks"
        told.write_bytes(b"")
        self._process.stdin.write(f"{folder}\t{sync}\t{password}\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        wait_until(lambda: told.stat().st_size >= acks * SIZE, 60)
        os.kill(pid, signal.SIGKILL)
        assert self._process.stdout.readline() == f"{-signal.SIGKILL}\n"
        data = told.read_bytes()
        return int.from_bytes(data[-SIZE:], "little") if data else 0


def check(folder, sync, password, acknowledged):
    """Open what a kill left: nothing that was acknowledged is missing, nothing is there twice."""
    with EmbeddedStore(folder / "store", sync=sync, password=password or None, **OPTIONS) as store:
        rows = store.rows
        assert rows >= acknowledged
        assert store.holes() == ()
        at = 0
        for first, batch in store.rows_from(0):
            assert first == at
            assert columns([batch]) == columns([batch_of(first, len(batch))])
            at += len(batch)
        assert at == rows
        twin = ListStore()
        twin.append(batch_of(0, rows), 0)
        for width in (0, 60 * SECOND):
            expected = columns(twin.read(-EVER, EVER, width=width))
            assert columns(store.read(-EVER, EVER, width=width)) == expected
    return rows


def columns(batches):
    """Return the columns of all batches, as lists."""
    whole = concat([*batches] or [Batch.empty(SCHEMA)])
    return whole["time"].tolist(), whole["v"].tolist(), whole["key"].decode().tolist()


def _append(folder, sync, password):
    acks = os.open(f"{folder}/acks", os.O_WRONLY | os.O_APPEND)
    store = EmbeddedStore(f"{folder}/store", sync=sync, password=password or None, **OPTIONS)
    store.open()
    chance = np.random.default_rng(store.rows)
    while True:
        first, rows = store.rows, int(chance.integers(1, MOST_ROWS))
        store.append(batch_of(first, rows), first)
        os.write(acks, (first + rows).to_bytes(SIZE, "little"))


def _serve():
    """Fork an appender for each line: what it imports is there already."""
    import pandas as pd
    import pyarrow.parquet

    assert pd
    assert pyarrow
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _append(*line.rstrip("\n").split("\t"))
        _tell(pid)
        _tell(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _tell(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
