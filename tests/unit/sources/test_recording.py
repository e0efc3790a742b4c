import asyncio
import math
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from livewidget.data.errors import MissingExtraError, SettingError, SourceError
from livewidget.sources import ReplayFile
from livewidget.sources.recording import ROWS
from livewidget.testing import wait_for

START = pd.Timestamp("2026-03-29 00:59:58", tz="UTC")
FORMATS = ["csv", "parquet"]


def table(rows, step="1s"):
    return pd.DataFrame(
        {
            "time": pd.date_range(START, periods=rows, freq=step),
            "a": np.arange(float(rows)),
            "key": [f"k{n % 3}" for n in range(rows)],
        }
    )


@pytest.fixture
def write(tmp_path):
    def write(frame, form):
        path = tmp_path / f"x.{form}"
        if form == "csv":
            frame.to_csv(path, index=False)
        else:
            pytest.importorskip("pyarrow", reason="pyarrow is an extra")
            frame.to_parquet(path, row_group_size=7_000)
        return path

    return write


async def advance(clock, seconds):
    await wait_for(lambda: clock.sleepers)
    clock.advance(seconds)


@pytest.mark.parametrize("form", FORMATS)
async def test_rows_come_with_their_original_spacing(write, form, outlet, running, clock):
    task = running(ReplayFile(write(table(3, "10s"), form), speed=10.0, clock=clock), outlet)
    for rows in (1, 2):
        await wait_for(lambda: outlet.column("a") == list(range(rows)))  # noqa: B023
        await advance(clock, 1.0)
    await task
    assert outlet.column("time") == [START.value + n * 10**10 for n in range(3)]
    assert outlet.column("key") == ["k0", "k1", "k2"]


@pytest.mark.parametrize("form", FORMATS)
async def test_the_spacing_holds_over_chunks(write, form, outlet, running, clock):
    rows = 2 * ROWS + 5
    task = running(ReplayFile(write(table(rows, "1ms"), form), rebase=True, clock=clock), outlet)
    begun = clock.now()
    while not task.done():
        await wait_for(lambda: clock.sleepers or task.done())
        expected = np.arange(int(clock.monotonic() * 1e3 + 1e-6) + 1)[:rows]
        assert sum(map(len, outlet.data)) == len(expected)
        clock.advance(0.5)
    await task
    assert outlet.column("a") == list(range(rows))
    assert outlet.column("time") == [begun + n * 10**6 for n in range(rows)]


@pytest.mark.parametrize("form", FORMATS)
async def test_rows_are_put_in_order_within_a_chunk_and_late_ones_pass(
    write, form, outlet, running
):
    frame = table(2 * ROWS)
    swapped = frame.iloc[[1, 0, *range(2, 2 * ROWS - 1)]]
    late = pd.concat([swapped, frame.iloc[[5]]])
    await running(ReplayFile(write(late, form), speed=math.inf), outlet)
    seen = outlet.column("a")
    assert seen[:ROWS] == list(range(ROWS))
    assert seen[ROWS : ROWS + 2] == ([5, ROWS])
    assert sorted(seen) == sorted([*range(2 * ROWS - 1), 5])


@pytest.mark.parametrize("form", FORMATS)
async def test_only_the_columns_wanted_are_read(write, form, outlet, running):
    source = ReplayFile(write(table(2), form), time="time", columns=["a"], speed=math.inf)
    await running(source, outlet)
    assert [sorted(row) for row in outlet.rows] == [["a", "time"]] * 2


async def test_it_begins_again_with_the_times_of_now(write, outlet, running, clock):
    path = write(table(2, "10s"), "csv")
    running(ReplayFile(path, rebase=True, repeat=True, clock=clock), outlet)
    for _ in range(3):
        await advance(clock, 10.0)
    await wait_for(lambda: len(outlet.rows) == 7)
    seconds = [(each - outlet.column("time")[0]) // 10**9 for each in outlet.column("time")]
    assert seconds == [0, 10, 10, 20, 20, 30, 30]


@pytest.mark.parametrize("where", [3, ROWS + 3, 2 * ROWS + 3])
async def test_bad_rows_of_csv_are_rejected_wherever_they_are(write, where, outlet, running):
    path = write(table(2 * ROWS + 10), "csv")
    lines = path.read_text().splitlines()
    lines[where] += ",one too many"
    lines[where + 1] = lines[where + 1].replace("2026", "never")
    lines[where + 2] = "," + lines[where + 2].split(",", 1)[1]
    path.write_text("\n".join(lines))
    await running(ReplayFile(path, speed=math.inf), outlet)
    expected = [n for n in range(2 * ROWS + 10) if not where - 1 <= n <= where + 1]
    assert outlet.column("a") == expected
    reasons = [reason for _, reason in outlet.rejected]
    assert len(reasons) == 3
    assert "more cells" in reasons[0]
    assert "never" in " ".join(reasons)
    assert "NaT" in " ".join(reasons)


async def test_csv_of_bad_rows_alone_is_all_rejected(tmp_path, outlet, running):
    path = tmp_path / "x.csv"
    path.write_text("time,a\n1,2\n" + "1,2,3\n" * (2 * ROWS) + "2,3\n" + "4,5,6\n" * 3)
    await running(ReplayFile(path, speed=math.inf), outlet)
    assert outlet.column("a") == [2, 3]
    assert len(outlet.rejected) == 2 * ROWS + 3


@pytest.mark.parametrize("form", FORMATS)
async def test_memory_does_not_follow_the_size_of_the_file(write, form, outlet, running):
    path = write(table(300_000, "1us"), form)

    class Nowhere(type(outlet)):
        def emit(self, data):
            return len(data)

    tracemalloc.start()
    try:
        await running(ReplayFile(path, speed=math.inf), Nowhere())
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


async def test_cancelling_closes_the_file(write, outlet, running, clock):
    task = running(ReplayFile(write(table(5), "csv"), clock=clock), outlet)
    await wait_for(lambda: clock.sleepers)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (None, {}, "no such file"),
        ("", {}, "No columns"),
        ("a,b\n1,2\n", {}, "Name it with time=; the columns are 'a', 'b'"),
        ("time,a\n1,2\n", {"time": "t"}, "'t'"),
        ("time,a\n1,2\n", {"columns": ["z"]}, "z"),
        (b"time,a\n1,\xff\n", {}, "utf-8"),
    ],
)
async def test_a_file_of_no_use_fails_with_the_reason(
    tmp_path, content, options, said, outlet, running
):
    path = tmp_path / "x.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SourceError, match=said):
        await running(ReplayFile(path, **options), outlet)


async def test_what_is_no_parquet_says_so(tmp_path, outlet, running):
    pytest.importorskip("pyarrow", reason="pyarrow is an extra")
    (tmp_path / "x.parquet").write_text("time,a\n")
    with pytest.raises(SourceError, match=r"x\.parquet: .*[Pp]arquet"):
        await running(ReplayFile(tmp_path / "x.parquet"), outlet)


async def test_parquet_without_pyarrow_names_the_extra(monkeypatch, outlet, running):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"livewidget\[arrow\]"):
        await running(ReplayFile("x.parquet"), outlet)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("x.json", {}, "got None for replay of x.json"),
        ("x.csv", {"format": "xml"}, "'xml'"),
        ("x.csv", {"repeat": True}, "rebase"),
        ("x.csv", {"speed": 0}, "speed"),
    ],
)
def test_an_impossible_setting_is_refused(name, options, said):
    with pytest.raises(SettingError, match=said):
        ReplayFile(name, **options)
