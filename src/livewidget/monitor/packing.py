"""Whether frames are compressed: where the link is the limit, and as long as that pays.

I/O-free: no clock, no thread. What was seen goes in, whether to compress comes out.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from livewidget.monitor.controller import MOST_DECISIONS
from livewidget.monitor.pressure import BUILDING

WAITS_MS = 100.0  # that what is sent waits on a link which is the limit, seen twice
AT_ONCE_MS = 200.0  # of waiting: seen once is enough
CALM_MS = 50.0  # of waiting: the link keeps up
AGAIN_S = 0.4  # between two such sights
HALF = 0.5  # of the page's time: one that draws for more of it is itself what messages wait for
PAYS = 0.9  # of a message's bytes, at most, where compression is begun
POOR = 0.95  # above, it is ended
TOO_BUSY = 0.7  # of the engine's time, for a second: it is the limit now
TRY_S = 4.0  # for which quality waits: what is under way spans two, and a page tells once a second
LIGHTER = 0.6  # of the bytes a second that the link did not carry: it will carry these as they are
IDLE_S = 30.0  # of calm with so few of them before it is ended
RETRY_S = 300.0  # of calm with more of them: the link may be another one now
BARRED_S = 30.0  # after an end for another reason
LATELY_S = 60.0  # a new beginning so soon says that the end was a mistake
MOST_MISTAKES = 6  # of which each doubles these four


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What was seen of the link lately.

    What is sent waits `waits_ms` beyond the time that the way itself takes, as a page told at
    `told_at` (s; None where no page is heard). `page` and `engine` are the parts of their time
    that the page's main thread and the engine work. `rate` is in bytes a second as they are, and
    `ratio` what compression makes, or would make, of a message; None where that is not known.
    """

    waits_ms: float = 0.0
    told_at: float | None = None
    page: float = 0.0
    engine: float = 0.0
    rate: float = 0.0
    ratio: float | None = None

    @property
    def free(self) -> bool:
        """Whether those at its two ends have time: what waits waits for the link itself."""
        return self.page < HALF and self.engine < BUILDING


class Packing:
    """Begins and ends compression. `decisions` holds (seconds, what was done and why).

    `trying` says that it has its turn now: no visible quality need be given up for the link.
    `allowed` may be taken away, and given back. One thread's at a time.
    """

    def __init__(self) -> None:
        self.on = self.trying = False
        self.allowed = True
        self.reason = ""
        self.decisions: deque[tuple[float, str]] = deque(maxlen=MOST_DECISIONS)
        self._first_seen: float | None = None  # when a page told of it first
        self._begun = self._ended = self._barred_until = -math.inf
        self._calm_since = self._light_since = -math.inf
        self._busy_since = math.inf
        self._jammed = 0.0  # bytes a second that the link did not carry
        self._mistakes = 0

    def step(self, now: float, link: Link) -> bool:
        """Take up what was seen by `now` (s, steady); return whether to compress from now on."""
        if self.on:
            self._judge(now, link)
        else:
            self._look(now, link)
        # What a page tells of the time just after a jam is of the jam still.
        fresh = self.on and now - self._begun < TRY_S
        self.trying = link.free and (fresh or self._first_seen is not None)
        return self.on

    def _look(self, now: float, link: Link) -> None:
        """Begin where the link is the limit, and has been seen to be so well enough."""
        barred = not self.allowed or now < self._barred_until
        pays = link.ratio is not None and link.ratio <= PAYS
        limits = link.free and link.waits_ms >= WAITS_MS
        if barred or not pays or not limits or link.told_at is None:
            self._first_seen = None
            return
        if self._first_seen is None:
            self._first_seen = link.told_at
        if link.waits_ms >= AT_ONCE_MS or link.told_at - self._first_seen >= AGAIN_S:
            self._begin(now, link)

    def _begin(self, now: float, link: Link) -> None:
        lately = now - self._ended <= self._longer(LATELY_S)
        self._mistakes = min(MOST_MISTAKES, max(0, self._mistakes + (1 if lately else -1)))
        self.on, self._begun, self._first_seen = True, now, None
        self._calm_since = self._light_since = now
        self._busy_since = math.inf
        self._jammed = link.rate
        ratio, waits = 100 * (link.ratio or 1.0), link.waits_ms / 1000
        text = f"frames are compressed to {ratio:.0f} %"
        self._decide(now, text, f"the link holds {waits:.1f} s of them back")

    def _judge(self, now: float, link: Link) -> None:
        """End it where something else is the limit, where it saves little, or nothing waits."""
        if link.waits_ms >= CALM_MS or link.told_at is None:
            self._calm_since = self._light_since = now
        if link.rate >= LIGHTER * self._jammed:
            self._light_since = now
        self._busy_since = min(self._busy_since, now) if link.engine >= TOO_BUSY else math.inf
        light, calm = now - self._light_since, now - self._calm_since
        if now - self._busy_since >= 1:
            self._bar(now, f"the engine works for {100 * link.engine:.0f} % of the time")
        elif not self.allowed:
            self._end(now, "that is not wanted")
        elif link.ratio is not None and link.ratio > POOR and now - self._begun >= 1:
            self._bar(now, f"they come to {100 * link.ratio:.0f} % of what they are without")
        elif light >= self._longer(IDLE_S):
            self._end(now, f"for {light:.0f} s the link could have carried them as they are")
        elif calm >= self._longer(RETRY_S):
            self._end(now, f"for {calm:.0f} s nothing has waited for the link")

    def _bar(self, now: float, why: str) -> None:
        self._barred_until = now + self._longer(BARRED_S)
        self._end(now, why)

    def _end(self, now: float, why: str) -> None:
        self.on, self._ended = False, now
        self._decide(now, "frames are compressed no longer", why)

    def _decide(self, now: float, what: str, why: str) -> None:
        self.reason = why
        self.decisions.append((now, f"{what}: {why}"))

    def _longer(self, seconds: float) -> float:
        return seconds * 2.0**self._mistakes
