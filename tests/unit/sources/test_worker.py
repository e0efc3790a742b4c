import asyncio
import threading

import pytest

from livewidget.sources.worker import Worker
from livewidget.testing import wait_for, wait_until


def names():
    return {thread.name for thread in threading.enumerate()}


async def test_results_and_errors_come_back_from_one_thread():
    async with Worker("test") as worker:
        first = await worker.call(threading.get_ident)
        assert await worker.call(threading.get_ident) == first != threading.get_ident()
        with pytest.raises(KeyError):
            await worker.call(lambda: {}["missing"])
        with pytest.raises(RuntimeError, match="StopIteration"):
            await worker.call(lambda: next(iter(())))
    assert "livewidget-source-test" not in names()


async def test_a_call_that_never_returns_is_let_go():
    gate, running = threading.Event(), threading.Event()

    def block():
        running.set()
        gate.wait()

    async def use():
        async with Worker("stuck", grace_s=0.01) as worker:
            await worker.call(block)

    task = asyncio.create_task(use())
    await wait_for(running.is_set)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    (thread,) = (each for each in threading.enumerate() if each.name == "livewidget-source-stuck")
    assert thread.daemon
    gate.set()
    await wait_for(lambda: not thread.is_alive())


def test_a_thread_that_outlives_its_loop_ends_quietly():
    gate = threading.Event()

    async def use():
        async with Worker("late", grace_s=0.0) as worker:
            task = asyncio.ensure_future(worker.call(gate.wait))
            await asyncio.sleep(0)
            task.cancel()

    asyncio.run(use())
    gate.set()
    wait_until(
        lambda: "livewidget-source-late" not in {each.name for each in threading.enumerate()}
    )
