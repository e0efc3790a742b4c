"""Producing beside a notebook: on a thread of its own, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Any, Self

from livewidget.app.produce import producer_for
from livewidget.app.producer import Producer, Summary
from livewidget.data.errors import ClosedError
from livewidget.sinks.base import Sink

_OPEN_S, _CLOSE_S = 30.0, 15.0


class Production:
    """A feed that is being produced on a daemon thread; a context manager.

    Methods may be called from any thread.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._summary: Summary | None = None
        self._error: BaseException | None = None
        self._opened = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[Summary] | None = None
        self._thread = threading.Thread(target=self._main, name="livewidget-produce", daemon=True)
        self._thread.start()
        if not self._opened.wait(_OPEN_S):
            self.stop()
            raise TimeoutError(f"{self.name} was not open after {_OPEN_S:.0f} s")
        if self._error is not None:
            raise self._error

    @property
    def name(self) -> str:
        """Where it is written to."""
        return self._producer.sink.name

    @property
    def url(self) -> str:
        """The URL for a client, such as `LiveChart(url)`."""
        scheme, separator, rest = self.name.partition("://")
        return f"{'http' if scheme == 'sse' else scheme}{separator}{rest}"

    @property
    def events(self) -> int:
        """How many events have been written."""
        return self._producer.events

    def stop(self) -> Summary:
        """End it and return what was produced; raises what made it fail. Again is no error."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it ended in this very moment
                self._loop.call_soon_threadsafe(self._cancel)
            self._thread.join(_CLOSE_S)
        if self._error is not None:
            raise self._error
        return self._summary or self._producer.summary()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self._thread.is_alive() else "ended"
        return f"Production({self.url!r}, {self.events:,} events, {state})"

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._run())
        finally:
            self._opened.set()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _run(self) -> None:
        self._task = asyncio.ensure_future(self._producer.run(self._opened.set))
        await asyncio.wait([self._task])
        if self._task.cancelled():
            self._error = None if self._opened.is_set() else ClosedError("it was stopped")
        else:
            self._error = self._task.exception()
            self._summary = None if self._error is not None else self._task.result()


def produce_in_background(what: Any, to: str | Path | Sink, **options: Any) -> Production:
    """Begin to do what `produce` does, and return at once what ends it.

    It has been opened then: `production.url` has the port that was free where `to` has port 0.
    Raises what `produce` raises before the first event.
    """
    return Production(producer_for(what, to, **options))
