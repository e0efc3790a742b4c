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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
Pause = Callable[[float], None]

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
    with _pausing() as pause:
        while not (result := predicate()):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"waited {timeout:g} s in vain for {describe(predicate)}")
            pause(poll)
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


@contextmanager
def _pausing() -> Iterator[Pause]:
    """What lets time pass here: a plain sleep, or one that serves the kernel's messages."""
    kernel = _kernel()
    if kernel is None:
        yield time.sleep
    elif hasattr(kernel, "do_one_iteration"):
        with _polling() as pause:
            yield pause
    elif getattr(kernel, "shell_channel_thread", None) is not None:
        with _nested(kernel) as pause:
            yield pause
    else:
        yield time.sleep


def _kernel() -> Any:
    """The kernel whose cell this is, or None: its messages are the main thread's to handle."""
    if threading.current_thread() is not threading.main_thread():
        return None
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return getattr(get_ipython(), "kernel", None)


@contextmanager
def _polling() -> Iterator[Pause]:
    """Of ipykernel 6: serve its queue, on a thread of its own, while this one waits."""
    from jupyter_ui_poll import ui_events

    with ui_events() as serve:

        def pause(seconds: float) -> None:
            serve(MESSAGES_PER_POLL)
            time.sleep(seconds)

        yield pause


@contextmanager
def _nested(kernel: Any) -> Iterator[Pause]:
    """Of ipykernel 7: run the main loop from within the cell."""
    import nest_asyncio2

    nest_asyncio2.apply()
    loop = asyncio.get_event_loop()
    manager = kernel.shell_channel_thread.manager
    held: list[Any] = []

    async def receive(_: object, message: Any) -> None:
        if _is_comm(kernel.session, message):
            await kernel.shell_main(None, message)
        else:
            held.append(message)

    def pause(seconds: float) -> None:
        loop.run_until_complete(asyncio.sleep(seconds))

    # Set anew, the callback copies the cell's context instead of sharing it.
    manager.set_on_recv_callback(receive)
    try:
        yield pause
    finally:
        manager.set_on_recv_callback(kernel.shell_main)
        context = contextvars.copy_context()
        for message in held:
            task = loop.create_task(kernel.shell_main(None, message), context=context)
            _waiting_cells.add(task)
            task.add_done_callback(_waiting_cells.discard)


def _is_comm(session: Any, message: Any) -> bool:
    _, frames = session.feed_identities(message, copy=False)
    header = session.deserialize(frames, content=False, copy=False)["header"]
    return str(header.get("msg_type")).startswith("comm_")
