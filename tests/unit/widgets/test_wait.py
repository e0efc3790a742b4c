import signal
import threading
import time

import pytest

from livewidget.widgets.wait import describe, wait


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
