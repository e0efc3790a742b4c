"""How a connection does: from what happens on it to figures, a verdict and a score."""

from __future__ import annotations

import threading
from collections import deque

from livewidget.data.events import State
from livewidget.data.health import Health

# Each halves the score where it is reached. Beyond it a person at a live chart notices.
ROUND_TRIP_S = 1.0
JITTER_S = 0.25
RECONNECTS = 6  # an hour

MOST_LOSS = 0.01
_HOUR_S = 3600.0
_SMOOTH = 1 / 8  # RFC 6298, 2: the smoothed round trip's gain
_JITTER = 1 / 16  # RFC 3550, 6.4.1: the jitter's gain


class ConnectionHealth:
    """Takes what happens on a connection, and answers with `Health`.

    The round trip is smoothed as in RFC 6298 (2.3). The jitter is the interarrival jitter of RFC
    3550 (6.4.1), of round trips in place of transit times: two clocks that nobody compared would
    otherwise be needed. Nothing is kept but sums and the times of the newest reconnects.

    No I/O and no clock of its own: `now` is a steady clock in seconds. `quiet_s` is how long the
    peer may say nothing; without it silence is neither ill nor counted. Any thread.
    """

    def __init__(self, quiet_s: float | None = None) -> None:
        self._quiet_s = quiet_s
        self._lock = threading.Lock()
        self._state = State.WAITING
        self._why = ""
        self._begun: float | None = None
        self._since = 0.0  # when the state began
        self._up_s = 0.0  # of the connections before this one
        self._connects = 0
        self._reconnected: deque[float] = deque(maxlen=1_000)
        self._heard_at: float | None = None
        self._events = self._missed = 0
        self._trip: float | None = None  # the last
        self._smooth: float | None = None
        self._jitter: float | None = None

    def begin(self, now: float) -> None:
        """Note the first attempt, also after an end; the time counts from here."""
        with self._lock:
            if self._begun is None or self._state is State.ENDED:
                self._begun = self._since = now
                self._state, self._up_s = State.WAITING, 0.0

    def connected(self, now: float) -> None:
        """Note that the connection stands."""
        with self._lock:
            if self._begun is None:
                self._begun = now
            if self._connects:
                self._reconnected.append(now)
            self._connects += 1
            self._state, self._since, self._heard_at = State.LIVE, now, now

    def lost(self, now: float, reason: str) -> None:
        """Note that it stands no longer, or that an attempt has failed."""
        self._leave(State.RECONNECTING, now, reason)

    def ended(self, now: float) -> None:
        """Note that nobody tries any longer."""
        self._leave(State.ENDED, now, "")

    def heard(self, now: float, events: int = 0) -> None:
        """Note a sign of life, with so many events in it."""
        with self._lock:
            self._heard_at = now
            self._events += events

    def missed(self, events: int) -> None:
        """Note events that should have come, by a gap in their numbers, and did not."""
        with self._lock:
            self._missed += events

    def round_trip(self, seconds: float) -> None:
        """Note one measured round trip."""
        with self._lock:
            if self._smooth is None or self._trip is None:
                self._smooth = seconds
            else:
                self._smooth += _SMOOTH * (seconds - self._smooth)
                jitter, change = self._jitter or 0.0, abs(seconds - self._trip)
                self._jitter = jitter + _JITTER * (change - jitter)
            self._trip = seconds

    def _leave(self, state: State, now: float, reason: str) -> None:
        with self._lock:
            self._why = reason
            if self._state is State.LIVE:
                self._up_s += now - self._since
            if self._state is not state:
                self._state, self._since = state, now

    def silent(self, now: float) -> float | None:
        """Return the seconds since the last sign of life; None where there was none."""
        return None if self._heard_at is None else now - self._heard_at

    def read(self, now: float) -> Health:
        """Return how it does."""
        with self._lock:
            return self._read(now)

    def _read(self, now: float) -> Health:
        live = self._state is State.LIVE
        lasted = now - self._since
        total = 0.0 if self._begun is None else now - self._begun
        up = self._up_s + (lasted if live else 0.0)
        uptime = min(1.0, up / total) if total > 0 else float(live)
        expected = self._events + self._missed
        loss = self._missed / expected if expected else 0.0
        silent = self.silent(now)
        recent = sum(now - at < _HOUR_S for at in self._reconnected)
        reason = self._ill(lasted, loss, silent, recent)
        return Health(
            state=self._state,
            uptime=uptime,
            round_trip_s=self._smooth,
            jitter_s=self._jitter,
            loss=loss,
            missed=self._missed,
            reconnects=max(0, self._connects - 1),
            silent_s=silent,
            healthy=not reason,
            reason=reason or f"connected for {lasted:.0f} s",
            quality=quality(
                live=live,
                uptime=uptime,
                loss=loss,
                round_trip_s=self._smooth or 0.0,
                jitter_s=self._jitter or 0.0,
                reconnects=recent,
                silence=0.0 if not self._quiet_s or silent is None else silent / self._quiet_s,
            ),
        )

    def _ill(self, lasted: float, loss: float, silent: float | None, recent: int) -> str:
        """Return what is wrong, the worst first; "" where nothing is."""
        if self._state in (State.WAITING, State.ENDED):
            return "not connected yet" if self._state is State.WAITING else "it has ended"
        if self._state is State.RECONNECTING:
            return f"away for {lasted:.0f} s: {self._why}"
        limit, trip, far = self._quiet_s, self._smooth or 0.0, float("inf")
        ills = {
            f"no message for {silent or 0.0:.0f} s": (silent or 0.0) >= (limit or far),
            f"{loss:.1%} of the events did not come": loss > MOST_LOSS,
            f"{recent} reconnects within an hour": recent > RECONNECTS,
            f"a round trip takes {trip:.1f} s": trip > ROUND_TRIP_S,
        }
        return next((words for words, ill in ills.items() if ill), "")


def quality(
    *,
    live: bool,
    uptime: float,
    loss: float,
    round_trip_s: float,
    jitter_s: float,
    reconnects: float,
    silence: float,
) -> float:
    """Return a score from 0 to 1; worse in any figure is never better in the score.

    The product of `uptime`, 1 - `loss`, and a half-life for each of the others: h(x, half) =
    half / (half + x) with 1 s for the round trip, 0.25 s for the jitter, 6 for the reconnects of
    the last hour, and 1 for `silence`, the time since the last message over the longest that is
    allowed. 0 where the connection does not stand.
    """
    if not live:
        return 0.0
    score = uptime * (1.0 - loss)
    score *= _half(round_trip_s, ROUND_TRIP_S) * _half(jitter_s, JITTER_S)
    return score * _half(reconnects, RECONNECTS) * _half(silence, 1.0)


def _half(figure: float, at: float) -> float:
    return at / (at + figure)
