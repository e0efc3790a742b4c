"""Sources on a connection that may be lost: the care that all of them take."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

from livewidget.data.errors import SourceError
from livewidget.data.events import State
from livewidget.resilience.backoff import Backoff
from livewidget.sources.address import Address
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock


class ReconnectingSource(Source):
    """Runs one connection after another.

    A lost one is tried again with full jitter (see `Backoff`), without end unless `backoff` has
    limits; one that lasted for the backoff's cap has proved itself, and the attempts begin anew.
    With `reconnect=False` a farewell ends the source, and a loss fails it.
    """

    def __init__(
        self,
        address: Address,
        *,
        reconnect: bool = True,
        backoff: Backoff | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        self.name = address.shown
        self._address = address
        self._reconnect = reconnect
        self._backoff = backoff or Backoff()
        self._clock = clock or SystemLoopClock()
        self._live_since: float | None = None
        self._least_wait_s = 0.0  # what the peer asks for before each attempt
        self._next_wait_s = 0.0  # and before the next one alone

    async def run(self, outlet: Outlet) -> None:
        """Deliver until cancelled, given up on, or all is said."""
        outlet.state(State.WAITING, f"connecting to {self._address.host}")
        while True:
            reason = await self._connection(outlet)
            raise_if_cancelled()
            if reason is None:
                return
            if not self._reconnect:
                raise SourceError(reason)
            now, since = self._clock.monotonic(), self._live_since
            self._live_since = None
            if since is not None and now - since >= self._backoff.cap_s:
                self._backoff.reset()
            delay = self._backoff.next(now)
            if delay is None:
                raise SourceError(f"gave up after {self._backoff.attempt} attempts: {reason}")
            outlet.state(State.RECONNECTING, reason, self._backoff.attempt)
            delay = max(delay, self._least_wait_s, self._next_wait_s)
            self._next_wait_s = 0.0
            await self._clock.sleep(delay)

    def _live(self, outlet: Outlet) -> None:
        """Say that the connection stands."""
        self._live_since = self._clock.monotonic()
        outlet.state(State.LIVE, self._address.host)

    @abstractmethod
    async def _connection(self, outlet: Outlet) -> str | None:
        """Run one connection; return why it was lost, for a person, or None where all was said.

        Raises SourceError where trying again cannot help.
        """


def raise_if_cancelled() -> None:
    """Raise CancelledError where a library has swallowed one (`asyncio.wait_for` of 3.11 may)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
