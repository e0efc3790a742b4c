"""A blocking call is waited for, whoever gives up on it."""

import asyncio
import gc
import threading

import pytest

from livewidget.engine.blocking import off_loop


class Call:
    """Blocks until it may end, and says that it has; then it fails, where it is to."""

    def __init__(self, error=None):
        self.began, self.may_end, self.ended = (threading.Event() for _ in range(3))
        self._error = error

    def __call__(self, *args):
        self.began.set()
        self.may_end.wait(10.0)
        self.ended.set()
        if self._error is not None:
            raise self._error
        return args


async def begun(call):
    task = asyncio.create_task(off_loop(call, 1, 2))
    await asyncio.to_thread(call.began.wait, 10.0)
    return task


async def test_what_the_call_returns_or_raises_is_returned_or_raised():
    call = Call()
    task = await begun(call)
    call.may_end.set()
    assert await task == (1, 2)
    failing = Call(ValueError("no room"))
    failing.may_end.set()
    with pytest.raises(ValueError, match="no room"):
        await off_loop(failing)


@pytest.mark.parametrize("error", [None, ValueError("no room")])
async def test_cancelled_it_ends_once_the_call_has_and_logs_nothing(error):
    logged = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    call = Call(error)
    task = await begun(call)
    for _ in range(3):  # as often as one likes
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
    call.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.ended.is_set()
    del task, call
    gc.collect()
    await asyncio.sleep(0)
    assert logged == []
