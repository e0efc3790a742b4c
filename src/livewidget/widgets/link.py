"""The link: the one comm that all charts of a kernel share.

What `ipykernel` makes of comms decides the shape of this file (6.31 and 7.4 were tried):

- From 7.4 on, a comm sends the browser's messages to the subshell that the kernel last *sent*
  from, the main one, which a running cell keeps busy. `hear_beside_cells` undoes that.
- From 7 on, the message that a send belongs to lives in a context variable, unset in threads of
  our own: some versions raise `LookupError`. `Link` takes the context of its creation along.
- On 6, and in frontends without subshells, nothing is heard while a cell runs: `Link.deaf`.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from typing import Any

from ipywidgets import Widget

Handler = Callable[[dict[str, Any], list[memoryview]], None]

SILENCE_S = 1.5
"""A visible page acknowledges once a second; half as much again is for the way."""


class Link(Widget):  # type: ignore[misc] # ipywidgets publishes no types
    """A comm without a view, and the engine's transport to every browser of this kernel.

    `handler(content, buffers)` is called with each message of a browser, on the thread it came on:
    the main one, or a subshell's, side by side with a cell. It takes no lock that user code can
    hold. Outside a kernel sending does nothing and nothing is ever heard.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.handler: Handler | None = None
        self.messages_sent = 0
        self.bytes_sent = 0
        self._hearing = Hearing(clock, beside_cells=has_subshells())
        self._context = contextvars.copy_context()
        super().__init__()
        self.on_msg(self._receive)
        hear_beside_cells(self.comm)
        self._unwatch = watch_cells(self._hearing)

    def send(
        self, content: dict[str, Any], buffers: list[bytes | memoryview] | None = None
    ) -> None:
        """Send one message to all browsers; from any thread.

        The buffers are sent by a thread of the kernel's later: do not write to them again. No
        string goes under the key `id` of content: ipykernel 7 keeps those for an answer, for ever.
        """
        # A copy, since two threads cannot be inside one context at a time.
        self._context.copy().run(super().send, content, list(buffers or ()))
        self.messages_sent += 1
        self.bytes_sent += sum(memoryview(buffer).nbytes for buffer in buffers or ())
        self._hearing.sent()

    def expect(self) -> None:
        """Note that a browser that shows a new chart will tell of it; from any thread."""
        self._hearing.expect()

    def deaf(self) -> bool:
        """Whether a running cell keeps the browsers from being heard; from any thread."""
        return self._hearing.deaf()

    def close(self) -> None:
        """Free the comm; what is sent afterwards goes nowhere."""
        self._unwatch()
        self.handler = None
        super().close()

    def _receive(self, _: Widget, content: dict[str, Any], buffers: list[memoryview]) -> None:
        self._hearing.heard()
        if self.handler is not None:
            self.handler(content, buffers)


class Hearing:
    """Tells silence from deafness; no I/O, and each call's writes are plain: no lock is needed.

    Deaf is a kernel with a cell running that has sent something, or has a chart of which nothing
    was said yet, and has heard nothing for `SILENCE_S` since. Without a cell the browser is silent:
    hidden, slow or gone. Where nothing can be heard beside cells, the silence counts from the
    cell's beginning, sent or not. That it can be is what ipykernel says; a frontend may use it not.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, beside_cells: bool = True
    ) -> None:
        self._clock = clock
        self._beside_cells = beside_cells
        self._expecting = False
        self._unanswered_since: float | None = None
        # A link is made in a cell that is already running and will report only its end.
        self.cell_began()

    def cell_began(self) -> None:
        """A cell starts: what it was silent before says nothing about it."""
        self._in_cell = True
        counts = self._expecting or not self._beside_cells
        self._unanswered_since = self._clock() if counts else None

    def cell_ended(self) -> None:
        """A cell is over."""
        self._in_cell = False

    def expect(self) -> None:
        """A chart is there that a listening page tells of, at once or behind queued cells."""
        self._expecting = True
        self.sent()

    def sent(self) -> None:
        """Something was sent that a listening page answers."""
        if self._unanswered_since is None:
            self._unanswered_since = self._clock()

    def heard(self) -> None:
        """A browser's message came."""
        self._expecting = False
        self._unanswered_since = None if self._beside_cells else self._clock()

    def deaf(self) -> bool:
        """Whether a cell is what keeps the answers away."""
        since = self._unanswered_since
        return self._in_cell and since is not None and self._clock() - since > SILENCE_S


def has_subshells() -> bool:
    """Whether this kernel can handle messages beside a cell, for frontends that ask for it."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_supports_kernel_subshells", False))


def hear_beside_cells(comm: Any) -> bool:
    """Let a comm's messages be handled on the subshell the browser names, cell or no cell.

    True where ipykernel has the rule that needs undoing. The name is private, so a version
    without it is left alone; the price of a rule under another name is `Link.deaf`, not an error.
    For a widget whose traits change from the browser, too: `hear_beside_cells(chart.comm)`.
    Its observers then run beside the cell.
    """
    if not callable(getattr(comm, "_reply_subshell_for", None)):
        return False
    comm._reply_subshell_for = _as_the_browser_says  # noqa: SLF001 - the rule has no public name
    return True


def _as_the_browser_says(_data: object, default: str | None = None) -> str | None:
    return default


def watch_cells(hearing: Hearing) -> Callable[[], None]:
    """Tell a `Hearing` when cells begin and end; returns what stops that.

    Outside IPython there are no cells, and no one to hear.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        hearing.cell_ended()
        return _nothing

    def began(*_: object) -> None:
        hearing.cell_began()

    def ended(*_: object) -> None:
        hearing.cell_ended()

    shell.events.register("pre_run_cell", began)
    shell.events.register("post_run_cell", ended)

    def unwatch() -> None:
        nonlocal shell
        if shell is not None:
            shell.events.unregister("pre_run_cell", began)
            shell.events.unregister("post_run_cell", ended)
        shell = None

    return unwatch


def _nothing() -> None:
    pass
