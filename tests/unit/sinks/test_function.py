"""A function as a sink: plain and async, tried again, refusing."""

import functools
import threading

import pandas as pd
import pytest

from livewidget import DataStreamer, Schema
from livewidget.data.batch import Batch
from livewidget.data.errors import RejectedError, SettingError, SinkError
from livewidget.sinks.function import FunctionSink
from livewidget.testing import wait_until

NUMBERS = Schema.of({"time": "time", "n": "float"}, "time")


def numbers(first, stop):
    return {"time": [1e9 + n for n in range(first, stop)], "n": list(range(first, stop))}


class Keeper:
    def __init__(self):
        self.got = []

    async def __call__(self, frame):
        self.got.append(frame)


async def test_a_plain_function_is_given_a_frame_in_a_thread():
    got = []

    def keep(frame):
        got.append((frame, threading.current_thread()))

    await FunctionSink(keep).write(Batch.of(numbers(0, 3), NUMBERS))
    ((frame, thread),) = got
    assert isinstance(frame, pd.DataFrame)
    assert frame["n"].tolist() == [0, 1, 2]
    assert thread is not threading.main_thread()


async def test_an_async_one_runs_on_the_loop():
    got = []

    async def keep(frame, number=None):
        got.append((number, frame, threading.current_thread()))

    keeper, batch = Keeper(), Batch.of(numbers(0, 3), NUMBERS)
    for each in (keep, functools.partial(keep, number=1), lambda frame: keep(frame, 2)):
        await FunctionSink(each, as_batch=True).write(batch)
    await FunctionSink(keeper, as_batch=True).write(batch)
    await FunctionSink(keep, as_batch=True, numbered=True).write_from(batch, 7)
    assert [number for number, *_ in got] == [None, 1, 2, 7]
    assert all(thread is threading.main_thread() for *_, thread in got)
    assert got[0][1] is batch is keeper.got[0]


def test_one_that_fails_is_called_again_and_one_that_refuses_is_not():
    got, fails = [], [SinkError("not now"), RejectedError("odd", [1])]

    def keep(frame, first):
        if len(frame) == 3 and fails:
            raise fails.pop(0)
        got.append((first, frame["n"].tolist()))

    streamer = DataStreamer(schema=NUMBERS)
    try:
        output = streamer.send_to(FunctionSink(keep, numbered=True), batch_rows=3)
        streamer.push(numbers(0, 3))
        wait_until(lambda: output.rejected == 1)
        streamer.push(numbers(3, 5))
        wait_until(lambda: output.written == 4)
    finally:
        streamer.stop()
    assert got == [(3, [3.0, 4.0])]
    assert output.retried == 1


def test_what_is_no_function_is_told():
    with pytest.raises(SettingError, match="expected a function, got 7"):
        FunctionSink(7)
