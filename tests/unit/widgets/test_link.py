import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from livewidget.widgets import link as module
from livewidget.widgets.link import SILENCE_S, Hearing, Link, hear_beside_cells, watch_cells


class Ticking:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def hearing(clock: Ticking) -> Hearing:
    return Hearing(clock)


@pytest.fixture
def link() -> Iterator[Link]:
    link = Link()
    yield link
    link.close()


def test_a_busy_cell_and_no_answer_is_deafness(hearing: Hearing, clock: Ticking) -> None:
    hearing.cell_began()
    hearing.sent()
    clock.now += SILENCE_S
    assert not hearing.deaf()
    clock.now += 0.01
    assert hearing.deaf()
    hearing.heard()
    assert not hearing.deaf()


def test_without_subshells_silence_counts_from_the_cells_beginning(clock: Ticking) -> None:
    hearing = Hearing(clock, beside_cells=False)
    hearing.cell_ended()
    hearing.cell_began()
    clock.now += SILENCE_S + 0.01
    assert hearing.deaf()
    hearing.heard()  # a cell that waits lets messages in
    assert not hearing.deaf()
    hearing.cell_ended()
    clock.now += 60
    assert not hearing.deaf()


def test_a_chart_that_nobody_has_told_of_is_waited_for_from_cell_to_cell(
    hearing: Hearing, clock: Ticking
) -> None:
    hearing.expect()
    clock.now += SILENCE_S + 0.01
    assert hearing.deaf(), "nothing was sent, and the page's first word is behind this cell"
    hearing.cell_ended()
    hearing.cell_began()
    assert not hearing.deaf()
    clock.now += SILENCE_S + 0.01
    assert hearing.deaf(), "or behind the next"
    hearing.heard()
    hearing.cell_began()
    clock.now += 60
    assert not hearing.deaf(), "who has spoken is silent of his own"


def test_silence_after_the_cell_is_the_browsers_own(hearing: Hearing, clock: Ticking) -> None:
    hearing.cell_began()
    hearing.sent()
    clock.now += 60
    hearing.cell_ended()
    assert not hearing.deaf()


def test_nothing_sent_means_nothing_to_answer(hearing: Hearing, clock: Ticking) -> None:
    hearing.cell_began()
    clock.now += 60
    assert not hearing.deaf()
    hearing.sent()
    assert not hearing.deaf()


def test_silence_from_before_the_cell_does_not_count(hearing: Hearing, clock: Ticking) -> None:
    hearing.sent()
    clock.now += 60
    hearing.cell_began()
    hearing.sent()
    assert not hearing.deaf()


def test_silence_counts_from_the_first_message_unanswered(hearing: Hearing, clock: Ticking) -> None:
    hearing.cell_began()
    for _ in range(20):
        hearing.sent()
        clock.now += SILENCE_S / 10
    assert hearing.deaf()


def test_outside_a_kernel_it_is_never_deaf(clock: Ticking) -> None:
    link = Link(clock)
    link.send({"kind": "tick"})
    clock.now += 60
    assert not link.deaf()
    link.close()


def test_it_is_a_bare_model_without_a_view(link: Link) -> None:
    state = link.get_state()
    assert state["_model_name"] == "WidgetModel"
    assert state["_model_module"] == "@jupyter-widgets/base"
    assert state["_view_name"] is None


def test_what_is_sent_is_counted(link: Link) -> None:
    link.send({"kind": "tick"}, [b"12345678", memoryview(bytearray(4))])
    link.send({"kind": "closed"})
    assert (link.messages_sent, link.bytes_sent) == (2, 12)


def test_threads_send_side_by_side_in_the_links_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    both_inside = threading.Barrier(2, timeout=5)

    def slow_send(*_: object) -> None:
        both_inside.wait()
        seen.append(marker.get())

    marker = module.contextvars.ContextVar("marker")
    marker.set("creation")
    link = Link()
    monkeypatch.setattr(module.Widget, "send", slow_send)
    threads = [threading.Thread(target=link.send, args=({},)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()
    link.close()
    assert seen == ["creation", "creation"]


def test_messages_of_the_browser_reach_the_handler(link: Link) -> None:
    got = []
    link.handler = lambda content, buffers: got.append((content, buffers))
    message = {"method": "custom", "content": {"kind": "ack"}}
    link._handle_msg({"content": {"data": message}, "buffers": [memoryview(b"x")]})
    assert got == [({"kind": "ack"}, [memoryview(b"x")])]


def test_without_a_handler_messages_are_passed_over(link: Link) -> None:
    link._handle_msg({"content": {"data": {"method": "custom", "content": {}}}, "buffers": []})


def test_close_frees_the_comm_and_sending_after_it_does_nothing() -> None:
    import ipywidgets

    link = Link()
    key = link.model_id
    link.close()
    link.send({"kind": "tick"}, [b"1"])
    link.close()
    assert link.comm is None
    assert key not in ipywidgets.widgets.widget._instances


def test_a_comm_that_routes_by_itself_is_told_not_to() -> None:
    comm = SimpleNamespace(_reply_subshell_for=lambda data, default: None)
    assert hear_beside_cells(comm)
    assert comm._reply_subshell_for({"method": "custom"}, "subshell-1") == "subshell-1"


def test_a_comm_without_that_rule_is_left_alone() -> None:
    comm = SimpleNamespace()
    assert not hear_beside_cells(comm)
    assert vars(comm) == {}


def test_the_installed_ipykernel_still_has_that_rule() -> None:
    ipykernel = pytest.importorskip("ipykernel", reason="no ipykernel: nothing to look at")
    from ipykernel.comm.comm import BaseComm

    if ipykernel.version_info[:2] < (7, 4):
        pytest.skip("the rule came with ipykernel 7.4")
    assert callable(BaseComm._reply_subshell_for)


def test_cells_are_watched_until_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, hearing: Hearing
) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    unwatch = watch_cells(hearing)
    seen = []
    shell.user_ns["look"] = lambda: seen.append(hearing._in_cell)
    shell.run_cell("look()")
    assert (seen, hearing._in_cell) == ([True], False)
    unwatch()
    unwatch()
    shell.run_cell("look()")
    assert seen == [True, False]
