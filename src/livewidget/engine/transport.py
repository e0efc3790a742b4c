"""The way to the browsers, as the engine sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Message = dict[str, Any]
Handler = Callable[[Message, list[memoryview]], None]


class Transport(Protocol):
    """Sends to every browser of a kernel, and hears them. A Jupyter comm is the first of them.

    `handler` is set by the engine and may be called from any thread: it only posts.
    """

    handler: Handler | None

    def send(self, content: Message, buffers: list[bytes | memoryview]) -> None:
        """Send one message; from any thread, without waiting for it to arrive."""
        ...

    def expect(self) -> None:
        """Note that there is a chart of which a browser that shows it will tell."""
        ...

    def deaf(self) -> bool:
        """Whether a running cell keeps the browsers from being heard."""
        ...
