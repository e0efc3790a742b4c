"""The embedded store: beside Parquet, SQLite, the bare disk and DuckDB; and reads of it."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.harness import Figure, Outcome, Plot, distribution, interleaved, percentile, ratios
from livewidget.data.arrow import to_arrow
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.sketches.ladder import snap
from livewidget.storage.embedded import EmbeddedStore

SCHEMA = Schema.of(
    {"time": "time", "bid": "float", "ask": "float", "volume": "float", "symbol": "text"}, "time"
)
START = 1_700_000_000_000_000_000
STEP = 1_000_000  # ns: 1,000 rows a second
SIZE = 1_000  # rows of a batch
PART = 1 << 20  # rows of a partition
POINTS = 2_000
_PART = 16  # of the rows for what is slow, and goes on evenly
SYMBOLS = tuple(f"S{n:02}" for n in range(20))


def measure(*, quick: bool) -> Outcome:
    """Measure writing in rounds, sizes once, and reads of random ranges of all lengths."""
    rounds = 3 if quick else 7
    figures = [*_writing((2 if quick else 6) * PART, rounds), _strict(rounds), *_sizes(PART)]
    held = 5_000_000 if quick else 50_000_000
    seconds = reads(held, 300 if quick else 2_000)
    middle = f"median {1e3 * percentile(seconds, 50):.2f} ms, most {1e3 * max(seconds):.2f} ms"
    name = f"read of {held:,} rows at {POINTS:,} points, p99"
    figures.append(Figure(name, 1e3 * percentile(seconds, 99), "ms", middle, 20.0))
    lines = {"read": [(x, 1e3 * y) for x, y in distribution(seconds)]}
    plot = Plot("Reads of a range of the store", "percentile", "ms", lines=lines, target=20.0)
    note = (
        f"Rows of a time, three numbers and a text of {len(SYMBOLS)} values, in batches of "
        f"{SIZE:,}. Writing: wall time until all partitions are Parquet with levels, synced; "
        "Parquet beside it has a row group a batch and pyarrow's defaults, SQLite a transaction a "
        "batch, WAL and synchronous=NORMAL, neither is synced at the end. Reads: random places, "
        f"lengths even on a logarithmic scale from {POINTS:,} rows to all, in a store just opened."
    )
    return Outcome("The embedded store", figures, [plot], note)


def batches(rows: int, first: int = 0) -> list[Batch]:
    """Return rows of prices that walk by cents, in batches."""
    chance = np.random.default_rng(first)
    times = START + (first + np.arange(rows)) * STEP + chance.integers(0, STEP - 1, rows)
    bids = np.round(100 + np.cumsum(chance.normal(size=rows)) * 0.01, 2)
    asks = np.round(bids + 0.01 * chance.integers(1, 5, rows), 2)
    volumes = chance.integers(1, 500, rows).astype(float)
    codes = chance.integers(0, len(SYMBOLS), rows).astype(np.int32)
    whole = Batch(SCHEMA, (times, bids, asks, volumes, Text(codes, SYMBOLS)))
    return [whole.take(slice(at, at + SIZE)) for at in range(0, rows, SIZE)]


@contextmanager
def folder() -> Iterator[Path]:
    """Give a new folder, beside the checkout: a disk, where /tmp may be memory."""
    path = Path(tempfile.mkdtemp(prefix=".store-", dir=Path.cwd()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def fill(store: EmbeddedStore, parts: list[Batch]) -> None:
    """Append batches, and wait until all are Parquet."""
    first = store.rows
    for part in parts:
        store.append(part, first)
        first += len(part)
    store.settle(600)


def _timed(job: Callable[[Path], None]) -> float:
    with folder() as path:
        begun = time.perf_counter()
        job(path)
        return time.perf_counter() - begun


def _store(parts: list[Batch], password: str | None = None) -> float:
    """Return the seconds from the first append until all is Parquet. To open takes none of them."""
    with folder() as path, EmbeddedStore(path / "store", password=password) as store:
        begun = time.perf_counter()
        fill(store, parts)
        return time.perf_counter() - begun


def _parquet(path: Path, parts: list[Batch]) -> None:
    from pyarrow import parquet

    with parquet.ParquetWriter(path / "rows.parquet", to_arrow(parts[0]).schema) as writer:
        for part in parts:
            writer.write_table(to_arrow(part))


def _sqlite(path: Path, parts: list[Batch]) -> None:
    connection = sqlite3.connect(path / "rows.sqlite", isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=normal")
    connection.execute("create table t (time integer, bid real, ask real, volume real, key text)")
    for part in parts:
        lists = [
            (it.decode() if isinstance(it, Text) else it).tolist()  # as its driver wants them
            for it in part.columns
        ]
        connection.execute("begin")
        connection.executemany("insert into t values (?, ?, ?, ?, ?)", zip(*lists, strict=True))
        connection.execute("commit")
    connection.close()


def _writing(rows: int, rounds: int) -> list[Figure]:
    parts = batches(rows)
    few = parts[: len(parts) // _PART]
    jobs = {
        "store": lambda: _store(parts),
        "sealed": lambda: _store(parts, "a password"),
        "parquet": lambda: _PART * _timed(lambda path: _parquet(path, few)),
        "sqlite": lambda: _PART * _timed(lambda path: _sqlite(path, few)),
    }
    times = interleaved(jobs, rounds, warm_up=1)
    figures = []
    for other, limit, words in (
        ("parquet", 3.0, "Parquet, a row group a batch"),
        ("sqlite", 5.0, "SQLite rows"),
    ):
        low, middle, high = ratios(times[other], times["store"])
        each = f"{rows / percentile(times['store'], 50) / 1e6:.2f} million rows a second"
        name = f"speed over {words}"
        figures.append(Figure(name, middle, "x", each, limit, at_least=True, low=low, high=high))
    low, middle, high = ratios(times["sealed"], times["store"])
    each = "time of a sealed store over one that is not"
    figures.append(Figure("encryption", middle, "x", each, 1.25, low=low, high=high))
    return figures


def _strict(rounds: int) -> Figure:
    part, calls = batches(SIZE)[0], 200
    bytes_of_a_record = bytes(36_048)

    def strict() -> float:
        with folder() as path, EmbeddedStore(path / "store", sync="strict") as store:
            store.append(part, 0)
            begun = time.perf_counter()
            for turn in range(1, calls + 1):
                store.append(part, turn * SIZE)
            return time.perf_counter() - begun

    def bare() -> float:
        with folder() as path, (path / "bare").open("wb", buffering=0) as file:
            begun = time.perf_counter()
            for _ in range(calls):
                file.write(bytes_of_a_record)
                os.fdatasync(file.fileno())
            return time.perf_counter() - begun

    times = interleaved({"strict": strict, "bare": bare}, 2 * rounds, warm_up=1)
    low, middle, high = ratios(times["strict"], times["bare"])
    each = f"{1e3 * percentile(times['bare'], 50) / calls:.2f} ms a bare write and fdatasync"
    name = "strict appends over the disk's own fdatasync"
    return Figure(name, middle, "x", each, 1.25, low=low, high=high)


def _sizes(rows: int) -> list[Figure]:
    import duckdb

    parts = batches(rows)
    with folder() as path:
        with EmbeddedStore(path / "store") as store:
            fill(store, parts)
        ours = sum(each.stat().st_size for each in (path / "store").rglob("*") if each.is_file())
        connection = duckdb.connect(path / "rows.duckdb")
        table = to_arrow(_joined(parts))
        connection.register("rows", table)
        connection.execute("create table t as select * from rows")
        connection.execute("checkpoint")
        connection.close()
        theirs = (path / "rows.duckdb").stat().st_size
    each = f"{ours / rows:.2f} bytes a row, levels and all, DuckDB {theirs / rows:.2f}"
    return [Figure("size on disk over DuckDB's", ours / theirs, "x", each, 1.2)]


def _joined(parts: list[Batch]) -> Batch:
    from livewidget.data.batch import concat

    return concat(parts)


def reads(rows: int, count: int) -> list[float]:
    """Return the seconds of reads of random ranges at `POINTS` points, of a store with rows."""
    with folder() as path:
        with EmbeddedStore(path / "store") as store:
            for first in range(0, rows, PART):
                fill(store, batches(min(PART, rows - first), first))
        with EmbeddedStore(path / "store") as store:
            span = store.span()
            assert span is not None
            return _reads(store, span, count)


def _reads(store: EmbeddedStore, span: tuple[int, int], count: int) -> list[float]:
    low, high = span
    chance, seconds = random.Random(4), []
    for _ in range(count):
        length = round(POINTS * STEP * ((high - low) / (POINTS * STEP)) ** chance.random())
        start = chance.randint(low, max(low, high - length))
        begun = time.perf_counter()
        list(store.read(start, start + length, width=snap(length // POINTS)))
        seconds.append(time.perf_counter() - begun)
    return seconds
