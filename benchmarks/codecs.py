"""From messages to columns: each format beside a loop of json.loads over the same rows."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from benchmarks.harness import Figure, Outcome, Plot, cpu_seconds, interleaved, quartiles, ratios
from livewidget.codecs.base import Decoder
from livewidget.codecs.csv import CsvDecoder
from livewidget.codecs.formats import decoder_for

ROWS = 10_000
LINES = 100  # rows of a message that holds several
NAMES = ("time", "bid", "ask", "symbol")
RECORD = np.dtype([("time", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("symbol", "S4")])
LEAST = {"NDJSON": 3.0, "MessagePack": 3.0, "binary records": 20.0}  # times the loop
LOOP = "a loop of json.loads"


def measure(*, quick: bool) -> Outcome:
    """Measure the rows a CPU second of each format, interleaved with the loop."""
    forms = _forms(_rows())
    jobs: dict[str, Callable[[], float]] = {
        name: partial(cpu_seconds, partial(_decode, decoder, messages))
        for name, (decoder, messages) in forms.items()
    }
    jobs[LOOP] = partial(cpu_seconds, partial(_loop, forms["JSON"][1]))
    times = interleaved(jobs, 5 if quick else 30)
    figures, bars = [], {}
    for name, taken in times.items():
        bars[name] = ROWS / quartiles(taken)[1] / 1e6
        if name == LOOP:
            continue
        low, middle, high = ratios(times[LOOP], taken)
        reference = f"{bars[name]:.2f} M rows a CPU second"
        limit = LEAST.get(name)
        figures.append(
            Figure(name, middle, "x the loop", reference, limit, at_least=True, low=low, high=high)
        )
    plot = Plot("From messages to columns", "format", "M rows a CPU second", bars=bars)
    note = (
        f"{ROWS:,} rows of a time, two numbers and a short text; one a message, or {LINES} where "
        "it is said. The loop is what a callback does by hand: json.loads a message, each value "
        "appended to the list of its column, and an array of each list of numbers at the end."
    )
    return Outcome("Message formats", figures, [plot], note)


def _rows() -> list[dict[str, Any]]:
    draw = random.Random(1)
    return [
        {"time": 1_700_000_000_000 + n, "bid": draw.random(), "ask": draw.random(), "symbol": "ABC"}
        for n in range(ROWS)
    ]


def _forms(rows: list[dict[str, Any]]) -> dict[str, tuple[Decoder, list[bytes]]]:
    texts = [json.dumps(row).encode() for row in rows]
    nested = [json.dumps({"channel": "ticks", "data": row}).encode() for row in rows]
    lines = [",".join(map(str, row.values())).encode() for row in rows]
    records = np.array([tuple(row.values()) for row in rows], dtype=RECORD)
    table = pa.table({name: [row[name] for row in rows] for name in NAMES})
    starts = range(0, ROWS, LINES)
    paths = {name: f"data.{name}" for name in NAMES}
    return {
        "JSON": (decoder_for("json", fields=NAMES), texts),
        "JSON by paths": (decoder_for("json", fields=paths), nested),
        "NDJSON": (decoder_for("ndjson", fields=NAMES), _joined(texts)),
        "MessagePack": (
            decoder_for("msgpack", fields=NAMES),
            [msgspec.msgpack.encode(row) for row in rows],
        ),
        f"CSV, {LINES} lines": (CsvDecoder(NAMES), _joined(lines)),
        "binary records": (decoder_for(RECORD), [record.tobytes() for record in records]),
        f"binary, {LINES} records": (
            decoder_for(RECORD),
            [records[at : at + LINES].tobytes() for at in starts],
        ),
        f"Arrow, {LINES} rows": (
            decoder_for("arrow"),
            [_ipc(table[at : at + LINES]) for at in starts],
        ),
        f"Arrow, {ROWS:,} rows": (decoder_for("arrow"), [_ipc(table)]),
    }


def _joined(lines: list[bytes]) -> list[bytes]:
    return [b"\n".join(lines[at : at + LINES]) for at in range(0, ROWS, LINES)]


def _ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _decode(decoder: Decoder, messages: Sequence[bytes]) -> None:
    decoded = decoder.decode(messages)
    assert (decoded.rows, decoded.rejected) == (ROWS, [])


def _loop(messages: Sequence[bytes]) -> None:
    columns: dict[str, list[Any]] = {name: [] for name in NAMES}
    for message in messages:
        row = json.loads(message)
        for name in NAMES:
            columns[name].append(row[name])
    for name in NAMES[:-1]:
        np.array(columns[name])
