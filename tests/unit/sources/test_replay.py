import math

import numpy as np
import pandas as pd
import pytest

from livewidget.data.errors import SchemaError, SettingError
from livewidget.sources import resolve
from livewidget.testing import wait_for

START = pd.Timestamp("2026-03-29 00:59:58", tz="Europe/Berlin")  # over a change of the clocks


def table(rows=4, step="1s"):
    times = pd.date_range(START, periods=rows, freq=step)
    return pd.DataFrame({"time": times, "a": np.arange(float(rows))})


async def advance(clock, seconds):
    await wait_for(lambda: clock.sleepers)
    clock.advance(seconds)


async def test_rows_come_with_their_original_spacing(outlet, running, clock):
    task = running(resolve(table(), clock=clock), outlet)
    for rows in (1, 2, 3):
        await wait_for(lambda: outlet.column("a") == list(range(rows)))  # noqa: B023
        await advance(clock, 1.0)
    await task
    assert outlet.column("a") == [0, 1, 2, 3]
    assert outlet.column("time") == [START.value + second * 10**9 for second in range(4)]


async def test_speed_divides_the_waiting(outlet, running, clock):
    task = running(resolve(table(3, "10s"), speed=10.0, clock=clock), outlet)
    await wait_for(lambda: len(outlet.rows) == 1)
    await advance(clock, 1.0)
    await wait_for(lambda: len(outlet.rows) == 2)
    await advance(clock, 1.0)
    await task
    assert clock.monotonic() == 2.0


async def test_at_infinite_speed_all_goes_out_in_chunks(outlet, running, clock):
    await running(resolve(table(25_000), speed=math.inf, clock=clock), outlet)
    assert [len(data) for data in outlet.data] == [10_000, 10_000, 5_000]
    assert outlet.column("a") == list(range(25_000))
    assert clock.monotonic() == 0


async def test_rebasing_moves_the_times_to_now(outlet, running, clock):
    now = clock.now()
    task = running(resolve(table(3, "10s"), speed=10.0, rebase=True, clock=clock), outlet)
    await advance(clock, 5.0)
    await task
    assert outlet.column("time") == [now, now + 10**9, now + 2 * 10**9]


async def test_a_replay_can_be_run_again(outlet, running, clock):
    source = resolve(table(2, "10s"), rebase=True, speed=10.0, clock=clock)
    for _ in range(2):
        task = running(source, outlet)
        await advance(clock, 1.0)
        await task
    assert outlet.column("a") == [0, 1, 0, 1]
    assert list(np.diff(outlet.column("time"))) == [10**9, 0, 10**9]


async def test_rows_are_put_in_order_and_equal_times_keep_theirs(outlet, running):
    frame = pd.DataFrame({"when": [3.0, 1.0, 1.0, 2.0], "a": [0.0, 1.0, 2.0, 3.0]})
    await running(resolve(frame, time="when", speed=math.inf), outlet)
    assert outlet.column("a") == [1, 2, 3, 0]


@pytest.mark.parametrize("name", [None, "stamp"])
async def test_a_datetime_index_is_the_time(name, outlet, running):
    frame = table().set_index("time").rename_axis(name)
    await running(resolve(frame, speed=math.inf), outlet)
    assert outlet.column(name or "time")[0] == START.value


async def test_arrow_tables_replay_too(outlet, running):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is an extra")
    await running(resolve(arrow.Table.from_pandas(table()), speed=math.inf), outlet)
    assert outlet.column("a") == [0, 1, 2, 3]


async def test_nothing_to_replay_ends_at_once(outlet, running):
    await running(resolve(table(0)), outlet)
    assert outlet.data == []


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_an_impossible_speed_is_refused(speed):
    with pytest.raises(SettingError, match="speed"):
        resolve(table(), speed=speed)


def test_a_table_without_times_and_a_row_without_one_are_refused():
    with pytest.raises(SchemaError, match="time"):
        resolve(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(SchemaError, match="NaT"):
        resolve(pd.DataFrame({"time": [START, pd.NaT], "a": [1.0, 2.0]}))
