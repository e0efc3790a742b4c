"""A transport that keeps what the engine sends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Buffers = list[bytes | memoryview]
Handler = Callable[[dict[str, Any], Buffers], None]


class RecordingTransport:
    """The link to a browser that is not there: records messages, and plays the browser's part.

    `send` is the engine's and may be called from any thread. The engine sets `handler`;
    `receive` calls it as a browser's message would. `messages` is bounded by `most`: beyond
    it the oldest go, and `forgotten` counts them.
    """

    def __init__(self, most: int = 100_000) -> None:
        self.handler: Handler | None = None
        self.forgotten = 0
        self._messages: list[tuple[dict[str, Any], list[bytes]]] = []
        self._most = most
        self._deaf = False
        self._lock = threading.Lock()

    def send(self, content: dict[str, Any], buffers: Buffers) -> None:
        """Keep a message, its buffers copied: the sender may use them again."""
        with self._lock:
            self._messages.append((content, [bytes(each) for each in buffers]))
            if len(self._messages) > self._most:
                del self._messages[0]
                self.forgotten += 1

    def receive(self, content: dict[str, Any], buffers: Buffers | None = None) -> None:
        """Hand a message to the engine. Raises RuntimeError while it has set no handler."""
        if self.handler is None:
            raise RuntimeError("the engine has set no handler on this transport")
        self.handler(content, buffers or [])

    def expect(self) -> None:
        """Do nothing: `stop_ears` says what is heard."""

    def deaf(self) -> bool:
        """Tell whether the engine cannot hear acknowledgements now."""
        return self._deaf

    def stop_ears(self, *, deaf: bool = True) -> None:
        """Play a kernel that is busy and hears nothing, or the end of that."""
        self._deaf = deaf

    @property
    def messages(self) -> list[tuple[dict[str, Any], list[bytes]]]:
        """All messages so far, in order: content and buffers."""
        with self._lock:
            return list(self._messages)

    def of_kind(self, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
        """Return the messages whose content has this `kind`."""
        return [each for each in self.messages if each[0].get("kind") == kind]

    def clear(self) -> None:
        """Forget the messages so far."""
        with self._lock:
            self._messages.clear()
