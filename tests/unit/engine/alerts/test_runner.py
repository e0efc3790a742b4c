"""Handlers that fail, are slow or hang: what they harm is their own."""

import asyncio
import functools
import logging
import threading

import pytest

from livewidget.codecs import state as codec
from livewidget.data.errors import SettingError, StateError
from livewidget.engine.alerts.calling import MOST_HANGING
from livewidget.engine.alerts.handlers import Callback, Log, Notebook
from livewidget.engine.alerts.runner import CLOSED, HandlerRunner
from livewidget.resilience.backoff import Backoff
from livewidget.sinks.delivery import DeliveryError
from livewidget.testing import ManualClock, wait_until


@pytest.fixture
def runner(engine):
    made = []

    def make(function, attempts=3, **options):
        options = {"backoff": lambda: Backoff(0.001, 0.002, attempts=attempts)} | options
        made.append(HandlerRunner(Callback(function), engine=engine, **options))
        return made[-1]

    yield make
    for each in made:
        each.close(0.2)


def test_plain_and_async_functions_are_told_in_order(runner, notice):
    for is_async in (False, True):
        told = []

        async def later(each, told=told):
            await asyncio.sleep(0)
            told.append(each.at)

        runs = runner(later if is_async else lambda each, told=told: told.append(each.at))
        expected = [notice(number) for number in range(50)]
        assert all(runs.put(each) for each in expected)
        wait_until(lambda runs=runs: runs.idle)
        assert told == [each.at for each in expected]
        assert (runs.stats()["delivered"], runs.stats()["waiting"]) == (50, 0)


def test_a_wrapped_coroutine_function_is_awaited_too(runner, notice):
    told = []

    async def later(where, each):
        where.append(each.at)

    runs = runner(functools.partial(later, told))
    runs.put(notice(1))
    wait_until(lambda: told)


def test_what_fails_is_tried_again_then_a_dead_letter_and_can_be_replayed(runner, notice):
    calls, broken = [], True

    def fail(each):
        calls.append(each.at)
        if broken:
            raise ValueError("no such room")

    runs = runner(fail)
    runs.put(notice(1))
    runs.put(notice(2))
    wait_until(lambda: len(runs.dead) == 2 and runs.idle)
    assert len(calls) == 8, "once, and three times more, each"
    assert runs.dead[0].reason == "ValueError: no such room"
    assert runs.stats() | {"handler": ""} == {
        "handler": "",
        "delivered": 0,
        "failed": 8,
        "retried": 6,
        "dead": 2,
        "dead_forgotten": 0,
        "waiting": 0,
        "under_way": 0,
        "hanging": 0,
        "last_error": "ValueError: no such room",
    }
    broken = False
    assert runs.replay() == 2
    wait_until(lambda: runs.stats()["delivered"] == 2)
    assert runs.dead == []


def test_where_trying_again_is_of_no_use_it_is_not_tried(runner, notice):
    def refuse(_):
        raise DeliveryError("it is refused", again=False)

    runs = runner(refuse)
    runs.put(notice(1))
    wait_until(lambda: runs.dead)
    assert runs.stats()["failed"] == 1


def test_a_pause_that_the_other_side_asks_for_is_kept(engine, notice):
    clock, calls = ManualClock(), []

    async def busy(each):
        calls.append(each)
        if len(calls) == 1:
            raise DeliveryError("busy", wait_s=60.0)

    runs = HandlerRunner(Callback(busy), engine=engine, clock=clock)
    runs.put(notice(1))
    wait_until(lambda: clock.sleepers)
    clock.advance(59.0)
    assert (clock.sleepers, len(calls)) == (1, 1)
    clock.advance(1.0)
    wait_until(lambda: runs.idle)
    assert len(calls) == 2


def test_one_that_hangs_is_let_go_of_and_does_not_eat_the_threads(runner, notice, release):
    runs = runner(lambda _: release.wait(), attempts=1, timeout=0.01, workers=2)
    before = threading.active_count()
    for number in range(20):
        runs.put(notice(number))
    wait_until(lambda: len(runs.dead) == 20)
    assert threading.active_count() - before <= MOST_HANGING + 1
    assert runs.stats()["hanging"] in (MOST_HANGING, MOST_HANGING + 1)
    assert "it did not return within 0.01 s" in runs.dead[0].reason
    release.set()
    wait_until(lambda: runs.stats()["hanging"] == 0)


def test_a_slow_or_a_failing_one_holds_no_other(runner, notice, release):
    told = []
    slow = runner(lambda _: release.wait(), timeout=60.0, queue=10)
    failing = runner(lambda _: 1 / 0)
    well = runner(told.append)
    for number in range(100):
        for each in (slow, failing, well):
            each.put(notice(number))
    wait_until(lambda: len(told) == 100)
    wait_until(lambda: len(failing.dead) == 100)
    assert slow.stats()["dead"] >= 88
    assert slow.dead[-1].reason == "10 notices wait already"


def test_even_a_system_exit_harms_nobody(runner, notice):
    def leave(_):
        raise SystemExit(1)

    runs = runner(leave, attempts=0)
    runs.put(notice(1))
    wait_until(lambda: runs.dead)
    assert runs.dead[0].reason == "RuntimeError: SystemExit: 1"


def test_dead_letters_are_bounded_and_counted(runner, notice):
    runs = runner(lambda _: 1 / 0, attempts=0, most_dead=3)
    for number in range(10):
        runs.put(notice(number))
    wait_until(lambda: runs.stats()["dead"] == 10)
    assert len(runs.dead) == 3
    assert runs.stats()["dead_forgotten"] == 7


def test_what_is_not_delivered_at_the_end_is_a_dead_letter_and_survives_a_restart(
    runner, notice, release
):
    runs = runner(lambda _: release.wait(), timeout=60.0)
    for number in range(3):
        runs.put(notice(number))
    runs.close(0.05)
    assert [each.reason for each in runs.dead] == [CLOSED] * 3
    assert not runs.put(notice(4))
    told = []
    again = runner(told.append)
    again.load(codec.unpack(codec.pack(runs.save())))
    wait_until(lambda: len(told) == 4)
    assert sorted(each.id for each in told) == sorted(each.notice.id for each in runs.dead)
    with pytest.raises(StateError, match="notices cannot be read"):
        again.load({"waiting": [1], "dead": []})


@pytest.mark.parametrize(
    ("options", "said"),
    [({"workers": 0}, "workers"), ({"queue": 0}, "queue"), ({"timeout": 0}, "timeout is seconds")],
)
def test_settings_that_cannot_be_are_refused(runner, options, said):
    with pytest.raises(SettingError, match=said):
        runner(print, **options)


async def test_the_log_has_a_line_for_each_alert(caplog, notice):
    with caplog.at_level(logging.INFO):
        await Log().deliver(notice(1, priority="critical"))
        await Log("mine").deliver(notice(2, state="resolved"))
    line = "firing critical hot [a]: it is hot (value 41.5) since 1970-01-01T00:00:01.000Z"
    assert caplog.record_tuples[0] == ("livewidget.alerts", logging.ERROR, line)
    assert caplog.record_tuples[1][:2] == ("mine", logging.INFO)


async def test_the_notebook_keeps_the_newest_and_says_so(notice):
    notebook, calls = Notebook(most=2), []
    stop = notebook.on_change(lambda: calls.append(1))
    for number in (1, 2, 2, 3):
        await notebook.deliver(notice(number))
    stop()
    await notebook.deliver(notice(4))
    assert [each.at // 10**9 for each in notebook.notices] == [3, 4]
    assert len(calls) == 3
