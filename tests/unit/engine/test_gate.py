import asyncio
import threading

from livewidget.engine.gate import Gate
from livewidget.testing import wait_for


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
