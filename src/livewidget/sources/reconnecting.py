"""Sources on a connection that may be lost: the care that all of them take."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

from livewidget.data.errors import RefusedError, SettingError, SourceError
from livewidget.data.events import State
from livewidget.data.health import Health
from livewidget.resilience.backoff import Backoff
from livewidget.resilience.breaker import Circuit, CircuitBreaker
from livewidget.resilience.health import ConnectionHealth
from livewidget.sources.address import Address
from livewidget.sources.auth import Credentials, to_auth
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock


class ReconnectingSource(Source):
    """Runs one connection after another.

    A lost one is tried again with full jitter (see `Backoff`), without end unless `backoff` has
    limits; one that lasted for the backoff's cap has proved itself, and the attempts begin anew.
    With `reconnect=False` a farewell ends the source, and a loss fails it. An endpoint that fails
    again and again is left alone for as long as `breaker` says (None: it is not, so that a server
    that returns is found within one step of the backoff).

    `auth` is asked for credentials before each connect; those that the server refuses are fetched
    anew once before that is final. `quiet_s` is the longest silence, in s, that is no illness to
    `health` (None: any).
    """

    restarts = True

    def __init__(
        self,
        address: Address,
        *,
        reconnect: bool = True,
        backoff: Backoff | None = None,
        clock: LoopClock | None = None,
        auth: object = None,
        breaker: CircuitBreaker | None = None,
        quiet_s: float | None = None,
    ) -> None:
        self.name = address.shown
        self._address = address
        self._reconnect = reconnect
        self._backoff = backoff or Backoff()
        self._breaker = breaker
        self._clock = clock or SystemLoopClock()
        self._auth = to_auth(auth)
        if self._auth is not None:
            address.hide(self._auth.secrets())
        self._renewed = False  # credentials, since they were last of use
        self._health = ConnectionHealth(quiet_s)
        self._live_since: float | None = None
        self._least_wait_s = 0.0  # what the peer asks for before each attempt
        self._next_wait_s = 0.0  # and before the next one alone

    async def run(self, outlet: Outlet) -> None:
        """Deliver until cancelled, given up on, or all is said."""
        outlet.state(State.WAITING, f"connecting to {self._address.host}")
        self._health.begin(self._clock.monotonic())
        try:
            while (reason := await self._attempt(outlet)) is not None:
                raise_if_cancelled()
                if not self._reconnect:
                    raise SourceError(reason)
                await self._clock.sleep(self._pause(reason, outlet))
        finally:
            self._live_since = None
            self._health.ended(self._clock.monotonic())

    def health(self) -> Health:
        """Return how the connection does. Any thread."""
        return self._health.read(self._clock.monotonic())

    async def _attempt(self, outlet: Outlet) -> str | None:
        """As `_connection`, with credentials that were refused fetched anew once."""
        try:
            self._address.check()
        except SettingError as error:
            raise SourceError(str(error)) from None
        while True:
            try:
                return await self._connection(outlet)
            except RefusedError:
                if self._auth is None or self._renewed or not self._auth.renew():
                    raise
            self._renewed = True

    def _pause(self, reason: str, outlet: Outlet) -> float:
        """Note a loss, say so, and return the seconds before the next attempt."""
        now, since = self._clock.monotonic(), self._live_since
        self._live_since = None
        self._health.lost(now, reason)
        if since is not None and now - since >= self._backoff.cap_s:
            self._backoff.reset()
            if self._breaker is not None:
                self._breaker.success()
        delay = self._backoff.next(now)
        if delay is None:
            raise SourceError(f"gave up after {self._backoff.attempt} attempts: {reason}")
        delay = max(delay, self._least_wait_s, self._next_wait_s)
        self._next_wait_s = 0.0
        if self._breaker is not None:
            self._breaker.failure(now)
            if self._breaker.state(now) is Circuit.OPEN:
                delay = max(delay, self._breaker.wait(now))
                reason = f"left alone for {delay:.0f} s: {reason}"
        outlet.state(State.RECONNECTING, reason, self._backoff.attempt)
        return delay

    def _live(self, outlet: Outlet) -> None:
        """Say that the connection stands."""
        self._live_since = self._clock.monotonic()
        self._renewed = False
        self._health.connected(self._live_since)
        outlet.state(State.LIVE, self._address.host)

    def _delivered(self, events: int) -> None:
        """Note a delivery of so many events: the connection, and the credentials, are of use."""
        self._renewed = False
        self._health.heard(self._clock.monotonic(), events)

    async def _credentials(self, *, fresh: bool = True) -> Credentials:
        """Return what `auth` gives, from now on hidden in every text; none without `auth`.

        Raises OSError where there may be some later.
        """
        if self._auth is None:
            return Credentials()
        credentials = await self._auth.credentials(fresh=fresh)
        self._address.hide(credentials.secrets())
        return credentials

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
