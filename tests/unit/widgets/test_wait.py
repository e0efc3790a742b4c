import asyncio
import itertools
import signal
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from livewidget.widgets import wait as module
from livewidget.widgets.wait import describe, wait

from ..engine.interrupts import interrupted


def test_it_returns_what_the_predicate_returned() -> None:
    assert wait(lambda: "found") == "found"


def test_it_asks_again_until_it_is_true() -> None:
    answers = iter([None, 0, [], 7])
    assert wait(lambda: next(answers), timeout=5, poll=0.001) == 7


def test_it_asks_at_least_once() -> None:
    assert wait(lambda: 1, timeout=0) == 1


def test_a_timeout_says_what_was_awaited() -> None:
    def never_ready() -> bool:
        return False

    with pytest.raises(TimeoutError, match=r"waited 0\.01 s in vain for .*never_ready"):
        wait(never_ready, timeout=0.01, poll=0.001)


def test_a_lambda_is_described_by_its_source() -> None:
    assert "threading.active_count() > 999" in describe(lambda: threading.active_count() > 999)


def test_a_lambda_without_source_is_described_by_its_name() -> None:
    assert "lambda" in describe(eval("lambda: False"))


def test_an_error_of_the_predicate_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        wait(lambda: 1 / 0)


def test_an_interrupt_ends_it() -> None:
    def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        wait(interrupt, timeout=5)


def test_another_thread_may_wait() -> None:
    flag = threading.Event()
    got = []
    thread = threading.Thread(target=lambda: got.append(wait(flag.is_set, timeout=5)))
    thread.start()
    flag.set()
    thread.join()
    assert got == [True]


def test_the_timeout_is_kept() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        wait(lambda: False, timeout=0.05, poll=0.01)
    assert 0.05 <= time.monotonic() - began < 2


def test_an_interrupt_at_any_line_gives_the_kernel_its_messages_back(monkeypatch):
    """Else no cell runs any more. It comes once; where it meets the undoing itself is left out."""

    class Shell:
        def set_on_recv_callback(self, callback):
            self.callback = callback

    shell = Shell()
    kernel = SimpleNamespace(
        shell_channel_thread=SimpleNamespace(manager=shell), shell_main=lambda *_: None
    )
    monkeypatch.setattr(module, "_kernel", lambda: kernel)
    monkeypatch.setitem(sys.modules, "nest_asyncio2", SimpleNamespace(apply=lambda: None))
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(asyncio, "get_event_loop", lambda: loop)
    for at in itertools.count(1):
        shell.callback = kernel.shell_main
        answers = iter([False, False, True])
        if not interrupted(
            lambda answers=answers: module.wait(lambda: next(answers), poll=0.001),
            at=at,
            within={module.__file__},
            but="end",
        ):
            break
        assert shell.callback is kernel.shell_main, f"interrupted at line {at} that was run"
    loop.close()
    assert at > 20
