"""Compression of what goes over the link: what is seen of it, who decides, and who does it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from livewidget.monitor.figures import Rate
from livewidget.monitor.packing import Link, Packing
from livewidget.monitor.registry import Registry
from livewidget.wire.pack import Packer

HELD_MS = 1000.0  # of the two seconds under way, one is the page's own: it tells once a second
TRIPS = 600  # words of a page, of which the quickest tells how long the way itself takes
KNOWN = 3  # of them at least: the first ones come while the page is being made


@dataclass(slots=True)
class Trips:
    """The round trips of a page's words, in ms: what is beyond the quickest has waited."""

    seen: deque[float] = field(default_factory=lambda: deque(maxlen=TRIPS))
    waits_ms: float = 0.0
    words: int = 0

    def add(self, trip_ms: float) -> None:
        """Take up one round trip, or NaN where it is not known."""
        self.words += 1
        if trip_ms >= 0:
            self.seen.append(trip_ms)
            self.waits_ms = trip_ms - self.quickest_ms

    @property
    def quickest_ms(self) -> float:
        """The quickest so far; 0 before any."""
        return min(self.seen, default=0.0)

    @property
    def way_ms(self) -> float | None:
        """What one way takes at its quickest; None until enough words have come to know it."""
        return self.quickest_ms / 2 if self.words >= KNOWN else None


class Compression:
    """Compresses the packets of a hub where the link is the limit. The engine's thread only."""

    def __init__(self) -> None:
        self.packing = Packing()
        self.packer = Packer()
        self._bytes, self._works = Rate(), Rate()

    def __call__(self, packet: bytes) -> bytes:
        """Return what is to be sent for a packet."""
        return self.packer(packet)

    def step(
        self, now: float, *, waits_ms: float, told_at: float | None, page: float, engine: float
    ) -> bool:
        """Take up what was seen by `now` (s); return whether quality is to wait for this.

        Of `waits_ms` a page told at `told_at`; it and the engine work these parts of their time.
        """
        link = Link(
            waits_ms=waits_ms,
            told_at=told_at,
            page=page,
            engine=engine + self._works(self.packer.seconds, now),
            rate=self._bytes(self.packer.before, now),
            ratio=self.packer.ratio,
        )
        self.packer.on = self.packing.step(now, link)
        return self.packing.trying

    def status(self) -> dict[str, Any]:
        """Return what a status says of it: bytes of packets, `ratio` of whole messages."""
        ratio = self.packer.ratio
        return {
            "on": self.packing.on,
            "ratio": None if ratio is None else round(ratio, 3),
            "before": self.packer.before,
            "after": self.packer.after,
            "reason": self.packing.reason,
        }

    def register(self, registry: Registry) -> None:
        """Show it among the metrics of a chart; it is that of all charts of the link."""
        registry.counter(
            "livewidget_link_bytes_total",
            "Bytes of packets of all charts, before compression and after",
            "By",
            labels=("when",),
            read=lambda: {"before": self.packer.before, "after": self.packer.after},
        )
        registry.gauge(
            "livewidget_compression_ratio",
            "What compression makes, or would make, of a message: 1 is all of it",
            read=lambda: self.packer.ratio,
        )
        registry.gauge(
            "livewidget_compression_on",
            "Whether frames are compressed",
            read=lambda: float(self.packing.on),
        )
