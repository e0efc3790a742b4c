"""Waiting in a cell, with the charts' buttons alive.

While a cell runs, its kernel handles no other message of the main shell. What lets it do so all
the same differs, as tried on ipykernel 6.31 and 7.4:

- 6 keeps messages in a queue behind `do_one_iteration`: jupyter-ui-poll serves it. nest-asyncio2
  does not: the coroutine that empties the queue is the one that runs the cell.
- 7 has no `do_one_iteration`, and jupyter-ui-poll waits in vain. Its main loop can be run from
  within the cell by nest-asyncio2, once messages have a context of their own: in the cell's, which
  is entered already, nest-asyncio2 puts them off until the cell is over. So it does with a cell
  that was received before the wait began; later cells are held here, or they would overtake it.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

T = TypeVar("T")

MESSAGES_PER_POLL = 10
"""Enough for a dragged slider, and a flood cannot keep the predicate from being asked."""

_waiting_cells: set[asyncio.Task[Any]] = set()  # a loop alone does not keep its tasks


def wait(predicate: Callable[[], T], timeout: float | None = None, poll: float = 0.02) -> T:
    """Block until `predicate()` is true, and return what it returned.

    Widgets' messages from the browser are handled meanwhile; cells queued behind this one are not.
    Seconds: `timeout` (None for ever), `poll` between two looks. TimeoutError names the predicate.
    Ctrl-C and the interrupt button end it. Outside a kernel, or off its main thread, it only looks.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    pauses = _pauses()
    # A context manager could be entered and never left, by an interrupt between the two.
    try:
        pauses.begin()
        while not (result := predicate()):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"waited {timeout:g} s in vain for {describe(predicate)}")
            pauses.pause(poll)
    finally:
        pauses.end()
    return result


def in_cell() -> bool:
    """Say whether this is a kernel's main thread, whose cell waits for what is called here."""
    return _kernel() is not None


def describe(predicate: Callable[[], object]) -> str:
    """The predicate's name, or its line of source where it is a lambda."""
    name = getattr(predicate, "__qualname__", repr(predicate))
    if "<lambda>" not in name:
        return name
    try:
        return " ".join(inspect.getsource(predicate).split())
    except (OSError, TypeError):
        return name


class _Pauses:
    """How time passes in a wait: here a plain sleep. `end` undoes what `begin` did, if anything."""

    def begin(self) -> None:
        """Get ready to pause."""

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def end(self) -> None:
        """Leave all as it was."""


def _pauses() -> _Pauses:
    """Return what lets time pass here, and serves the kernel's messages where there is one."""
    kernel = _kernel()
    if hasattr(kernel, "do_one_iteration"):
        return _Polling()
    if getattr(kernel, "shell_channel_thread", None) is not None:
        return _Nested(kernel)
    return _Pauses()


def _kernel() -> Any:
    """The kernel whose cell this is, or None: its messages are the main thread's to handle."""
    if threading.current_thread() is not threading.main_thread():
        return None
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return getattr(get_ipython(), "kernel", None)


class _Polling(_Pauses):
    """Of ipykernel 6: serves its queue, on a thread of its own, while this one waits."""

    def __init__(self) -> None:
        self._serving = ExitStack()

    def begin(self) -> None:
        from jupyter_ui_poll import ui_events

        self._serve = self._serving.enter_context(ui_events())

    def pause(self, seconds: float) -> None:
        self._serve(MESSAGES_PER_POLL)
        time.sleep(seconds)

    def end(self) -> None:
        self._serving.close()


class _Nested(_Pauses):
    """Of ipykernel 7: runs the main loop from within the cell."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._shell = kernel.shell_channel_thread.manager
        self._held: list[Any] = []

    def begin(self) -> None:
        import nest_asyncio2

        nest_asyncio2.apply()
        self._loop = asyncio.get_event_loop()
        # Set anew, the callback copies the cell's context instead of sharing it.
        self._shell.set_on_recv_callback(self._receive)

    def pause(self, seconds: float) -> None:
        self._loop.run_until_complete(asyncio.sleep(seconds))

    def end(self) -> None:
        self._shell.set_on_recv_callback(self._kernel.shell_main)
        context = contextvars.copy_context()
        for message in self._held:
            task = self._loop.create_task(self._kernel.shell_main(None, message), context=context)
            _waiting_cells.add(task)
            task.add_done_callback(_waiting_cells.discard)

    async def _receive(self, _: object, message: Any) -> None:
        if _is_comm(self._kernel.session, message):
            await self._kernel.shell_main(None, message)
        else:
            self._held.append(message)


def _is_comm(session: Any, message: Any) -> bool:
    _, frames = session.feed_identities(message, copy=False)
    header = session.deserialize(frames, content=False, copy=False)["header"]
    return str(header.get("msg_type")).startswith("comm_")
