"""The engine's thread: what it leaves behind, and what becomes of a task that fails."""

import asyncio
import itertools
import sys
import threading
import time

import pytest

from livewidget.engine.thread import SWITCH_INTERVAL, Engine
from livewidget.testing import wait_until

from .interrupts import interrupted


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def engines():
    return [each for each in threading.enumerate() if each.name == "livewidget-engine"]


def test_closing_leaves_no_thread_and_gives_the_switch_interval_back():
    before, threads = sys.getswitchinterval(), len(engines())
    engine = Engine()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL)
    assert len(engines()) == threads + 1
    engine.close()
    assert sys.getswitchinterval() == pytest.approx(before)
    assert (len(engines()), engine.alive, engine.loop.is_closed()) == (threads, False, True)
    engine.close()


def test_the_switch_interval_may_be_left_alone(monkeypatch):
    monkeypatch.setattr(Engine, "switch_interval", None)
    before = sys.getswitchinterval()
    engine = Engine()
    assert sys.getswitchinterval() == before
    engine.close()


def test_what_runs_is_cancelled_at_the_end_and_may_clean_up():
    engine, seen = Engine(), []

    async def hold():
        try:
            seen.append("began")
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    engine.spawn(hold(), "holding")
    wait_until(lambda: seen == ["began"])
    engine.close()
    assert seen == ["began", "cleaned up"]


def test_a_task_that_fails_is_logged_with_its_name_and_stops_nothing(engine, caplog):
    async def fail():
        raise RuntimeError("broken on purpose")

    engine.spawn(fail(), "the failing one")
    wait_until(lambda: "the failing one stopped" in caplog.text)
    assert "broken on purpose" in caplog.text
    assert engine.call(lambda: 5) == 5


def test_a_call_that_fails_raises_where_it_was_asked(engine):
    with pytest.raises(ZeroDivisionError):
        engine.call(lambda: 1 / 0)
    assert engine.alive


def test_a_call_from_the_engines_own_thread_does_not_wait_for_itself(engine):
    assert engine.call(lambda: engine.call(lambda: threading.current_thread().name)) == (
        "livewidget-engine"
    )


@pytest.mark.parametrize("held", ["call", "wait_for"])
def test_an_interrupt_as_the_caller_begins_to_wait_holds_nobody_up(engine, held):
    """At each line of Python's own threading that the wait for an answer goes through, in turn."""

    async def later():
        await asyncio.sleep(0.05)  # until the caller waits
        return 5

    def ask():
        if held == "wait_for":
            return engine.wait_for(later(), 10)
        return engine.call(lambda: time.sleep(0.05) or 5)

    lines = itertools.count(1)
    while interrupted(ask, at=next(lines)):
        assert engine.call(lambda: 7, 2) == 7
    assert ask() == 5


def test_a_wait_for_a_coroutine_raises_what_it_raises(engine):
    async def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine.wait_for(fail(), 5)


def test_a_wait_for_a_coroutine_ends_with_the_engine_or_its_time(engine):
    ended = []

    async def hold():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError):
        engine.wait_for(hold(), 0.01)
    assert not ended  # it goes on
    waiting = threading.Thread(
        target=lambda: ended.append(failure(lambda: engine.wait_for(hold(), 60)))
    )
    waiting.start()
    wait_until(lambda: len(asyncio.all_tasks(engine.loop)) == 2)
    engine.close()
    waiting.join(5)
    assert "the engine was closed" in str(ended[-1])


def failure(work):
    try:
        return work()
    except TimeoutError as error:
        return error


def test_posts_run_in_their_order(engine):
    seen = []
    for number in range(100):
        engine.post(lambda number=number: seen.append(number))
    engine.call(lambda: None)
    assert seen == list(range(100))


def test_the_shared_engine_is_one_and_starts_anew_after_its_end(monkeypatch):
    monkeypatch.setattr(Engine, "_shared", None)
    first = Engine.shared()
    assert Engine.shared() is first
    first.close()
    second = Engine.shared()
    assert second is not first
    assert second.alive
    second.close()


def test_many_engines_come_and_go():
    before = threading.active_count()
    for _ in range(30):
        Engine().close()
    assert threading.active_count() == before
