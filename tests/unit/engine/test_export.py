"""Export: there and back in each format, whole or not at all, a chunk at a time."""

import io
import json
import threading
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import ExportCancelledError, SchemaError, SettingError
from livewidget.data.events import Gap
from livewidget.data.schema import Schema
from livewidget.engine.export import export, to_dataframe
from livewidget.engine.progress import ConsoleBar, Meter
from livewidget.testing import ListStore, ManualClock

SCHEMA = Schema.of({"time": "time", "x": "float", "n": "int", "s": "text"}, "time")
FORMATS = ("csv", "parquet", "arrow", "jsonl")
NOW = 1_700_000_000_123_456_789

times = st.integers(0, 2**61)
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
rows_of = st.lists(
    st.tuples(times, st.floats(), st.integers(-(2**63), 2**63 - 1), texts), max_size=12
)


def store_of(rows):
    store = ListStore()
    store.open(SCHEMA)
    columns = zip(*rows, strict=True) if rows else ([],) * 4
    data = dict(zip(SCHEMA.names, map(list, columns), strict=True))
    data["time"] = np.array(data["time"], dtype="i8").view("M8[ns]")
    store.append(Batch.of(data, SCHEMA), 0)
    return store


class Chunks:
    """A history of many equal chunks, made as they are read."""

    schema = SCHEMA

    def __init__(self, count, rows=10_000, each=lambda: None):
        self.count, self.rows, self.each = count, rows, each

    def span(self):
        return 0, self.count * self.rows - 1

    def read(self, start, stop, *, width=0):
        for chunk in range(self.count):
            self.each()
            n = np.arange(chunk * self.rows, (chunk + 1) * self.rows)
            yield Batch.of(
                {"time": n.view("M8[ns]"), "x": n / 3, "n": n, "s": ["a"] * len(n)}, SCHEMA
            )


def read_back(path, form):
    if form == "parquet":
        return Batch.of(pd.read_parquet(path), SCHEMA)
    if form == "arrow":
        return Batch.of(pd.read_feather(path), SCHEMA)
    if form == "jsonl":
        lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        frame = pd.DataFrame(lines, columns=SCHEMA.names, dtype=object)
    else:
        frame = pd.read_csv(path, dtype=object, keep_default_na=False, encoding="utf-8")
        frame = frame.replace({"x": {"": None}, "s": {"": None}})
    data = {
        "time": pd.to_datetime(frame["time"], utc=True, format="ISO8601").dt.as_unit("ns"),
        "x": [float("nan") if it is None else float(it) for it in frame["x"]],
        "n": [int(it) for it in frame["n"]],
        "s": frame["s"].tolist(),
    }
    return Batch.of(data, SCHEMA)


def expected(rows, form):
    for at, x, n, s in sorted(rows, key=lambda row: row[0]):
        finite = x if np.isfinite(x) or form != "jsonl" else float("nan")
        yield at, finite, n, None if form == "csv" and s == "" else s


@pytest.mark.parametrize("form", FORMATS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=rows_of, tz=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", None]))
def test_there_and_back(tmp_path, form, rows, tz):
    path = tmp_path / "rows"
    if form == "csv":  # pandas takes a bare carriage return for the end of a line
        rows = [(*row[:3], row[3] and row[3].replace("\r", "")) for row in rows]
    assert export(store_of(rows), path, format=form, tz=tz) == len(rows)
    found = read_back(path, form)
    wanted = [dict(zip(SCHEMA.names, row, strict=True)) for row in expected(rows, form)]
    assert [repr(row) for row in found.rows()] == [repr(row) for row in wanted]


def test_a_range_ends_before_its_stop_and_bounds_are_times():
    store = store_of([(n, float(n), n, "a") for n in range(10)])
    assert to_dataframe(store, 2, 5)["n"].tolist() == [2, 3, 4]
    assert to_dataframe(store, pd.Timestamp(8))["n"].tolist() == [8, 9]


@pytest.mark.parametrize("form", FORMATS)
def test_it_takes_the_memory_of_a_chunk(tmp_path, form):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    held = []
    history = Chunks(50, 8_000, each=lambda: held.append(pa.total_allocated_bytes()))
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        rows = export(history, tmp_path / "rows", format=form)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows == 400_000
    assert peak < 10e6, peak  # all would be 11 MB of bare columns
    assert max(held) - before < 8e6


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("error", [None, KeyboardInterrupt, OSError])
def test_what_ends_early_leaves_what_was_there(tmp_path, form, error):
    path, seen, cancel = tmp_path / "rows", [], threading.Event()
    path.write_text("as it was")

    def each():
        seen.append(sorted(it.name for it in tmp_path.iterdir()))
        if len(seen) == 12:
            cancel.set()
            if error is not None:
                raise error

    with pytest.raises(ExportCancelledError if error is None else error):
        export(Chunks(50, 7_000, each=each), path, format=form, cancel=cancel)
    assert len(seen) == 12
    assert len(seen[-1]) == 2  # the one beside is there meanwhile
    assert [it.name for it in tmp_path.iterdir()] == ["rows"]
    assert path.read_text() == "as it was"


def test_progress_rises_to_one_ten_times_a_second(tmp_path):
    clock, told = ManualClock(), []
    history = Chunks(100, 100, each=lambda: clock.advance(0.05))
    export(
        history,
        tmp_path / "rows.csv",
        clock=clock,
        progress=lambda done, rows: told.append((clock.monotonic(), done, rows)),
    )
    at, done, rows = map(list, zip(*told, strict=True))
    assert at[0] >= 1.0
    assert min(np.diff(at[:-1])) > 0.099
    assert done == sorted(done)
    assert (done[-1], rows[-1]) == (1.0, 10_000)
    assert done[5] == pytest.approx(rows[5] / 10_000, abs=0.01)


def test_what_takes_less_than_a_second_tells_nothing(tmp_path):
    clock, told = ManualClock(), []
    history = Chunks(19, 100, each=lambda: clock.advance(0.05))
    export(history, tmp_path / "r.csv", clock=clock, progress=lambda *it: told.append(it))
    assert told == []


def test_a_bar_on_a_terminal_is_one_line():
    stream = io.StringIO()
    with ConsoleBar(stream) as bar:
        bar(0.5, 12_345)
        bar(1.0, 20_000)
    assert stream.getvalue().count("\r") == 2
    assert stream.getvalue().endswith("100%  20,000 rows\n")
    assert Meter(None, (0, 0)).finish(0) is None


def test_the_first_row_behind_a_gap_tells_of_it_once(tmp_path):
    store = store_of([(n // 2, 0.0, n, "a") for n in range(8)])
    export(store, tmp_path / "rows.jsonl", gaps=[Gap(0, 2, "offline")])
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["n"] for row in rows if row["gap"]] == [4]
    assert "offline" in rows[4]["gap"]


def test_lone_surrogates_are_replaced(tmp_path):
    store = store_of([(0, 0.0, 0, "a\ud800"), (1, 0.0, 1, None), (2, 0.0, 2, "b")])
    for form in FORMATS:
        export(store, tmp_path / "rows", format=form)
        assert [row["s"] for row in read_back(tmp_path / "rows", form).rows()] == ["a�", None, "b"]


def test_what_cannot_be_is_refused_and_writes_nothing(tmp_path):
    store = store_of([])
    for message, path, options in [
        ("ends with one of .csv", "rows.xls", {}),
        ("format is one of 'csv'", "rows.csv", {"format": "xls"}),
        ("tz is a time zone", "rows.csv", {"tz": "Mars/Base"}),
        ("ends after it starts", "rows.csv", {"start": 2, "stop": 1}),
        ("a bound is a time", "rows.csv", {"start": "soon"}),
        ("is none", ".", {"format": "csv"}),
        ("there is no folder", "no/rows.csv", {}),
    ]:
        with pytest.raises(SettingError, match=message):
            export(store, tmp_path / path, **options)
    with pytest.raises(SchemaError, match="nothing has arrived"):
        export(ListStore(), tmp_path / "rows.csv")
    assert list(tmp_path.iterdir()) == []
