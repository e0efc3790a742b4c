import asyncio
import contextlib
import itertools
import threading

import pytest

from livewidget.engine import gate as gates
from livewidget.engine.gate import Gate
from livewidget.testing import wait_for, wait_until

from .interrupts import interrupted


async def test_it_lets_through_what_is_so_already():
    await Gate().wait_until(lambda: True)


async def test_another_thread_lets_it_through():
    gate, open_ = Gate(), []
    waiting = asyncio.ensure_future(gate.wait_until(lambda: open_))
    await wait_for(lambda: gate._waiting)
    gate.notify()  # nothing has changed: it goes on waiting
    await asyncio.sleep(0)
    assert not waiting.done()
    thread = threading.Thread(target=lambda: (open_.append(1), gate.notify()))
    thread.start()
    await asyncio.wait_for(waiting, 10)
    thread.join()
    assert not gate._waiting


def test_a_thread_is_held_until_it_is_so():
    gate, open_, through = Gate(), [], []
    thread = threading.Thread(target=lambda: (gate.hold(lambda: open_), through.append(1)))
    thread.start()
    wait_until(lambda: gate._threads)
    gate.notify()
    assert not through
    open_.append(1)
    gate.notify()
    thread.join(10)
    assert through == [1]
    assert gate._threads == 0


async def test_a_thread_with_a_loop_is_not_held():
    Gate().hold(lambda: False)


def test_a_thread_is_not_held_for_ever(monkeypatch):
    monkeypatch.setattr(gates, "PATIENCE_S", 0.01)
    with pytest.raises(TimeoutError, match="there was no room for"):
        Gate().hold(lambda: False)


def test_an_interrupt_of_who_is_held_leaves_nothing_locked(monkeypatch):
    monkeypatch.setattr(gates, "PATIENCE_S", 0.001)
    gate, lines = Gate(), itertools.count(1)

    def hold():
        # RuntimeError: the interrupt came between the release of a lock and its return.
        with contextlib.suppress(TimeoutError, RuntimeError):
            gate.hold(lambda: False)

    def enter():
        with contextlib.suppress(TimeoutError):
            gate.hold(lambda: False)

    while interrupted(hold, at=next(lines)):
        other = threading.Thread(target=enter, daemon=True)
        other.start()
        other.join(5)
        assert not other.is_alive()
    assert next(lines) > 10


async def test_who_gives_up_is_forgotten():
    gate = Gate()
    waiting = asyncio.ensure_future(gate.wait_until(lambda: False))
    await wait_for(lambda: gate._waiting)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not gate._waiting
    gate.notify()


def test_a_loop_that_is_closed_holds_nobody_up():
    gate = Gate()
    loop = asyncio.new_event_loop()
    task = loop.create_task(gate.wait_until(lambda: False))
    loop.run_until_complete(asyncio.sleep(0.01))
    place = next(iter(gate._waiting))
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()
    gate._waiting.add(place)
    gate.notify()
