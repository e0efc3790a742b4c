"""The page's side of the samples: heap, nodes, listeners, and what the page's charts drew."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the page: bytes and counts by the devtools, `browser` bytes of all processes.

    `heap` is None where the garbage was not collected first.
    """

    at: float
    heap: int | None
    nodes: int
    listeners: int
    documents: int
    browser: int


class Devtools:
    """Asks the devtools of one page, which may be reloaded meanwhile."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("Performance.enable")

    def look(self, *, collect: bool) -> dict[str, Any]:
        """Return a `Seen` as plain values; with `collect` after a full garbage collection.

        Which stops the page for a tenth of a second: not for every look.
        """
        if collect:
            self._session.send("HeapProfiler.collectGarbage")
        told = self._session.send("Performance.getMetrics")["metrics"]
        metrics = {each["name"]: int(each["value"]) for each in told}
        return asdict(
            Seen(
                time.time(),
                metrics["JSHeapUsedSize"] if collect else None,
                metrics["Nodes"],
                metrics["JSEventListeners"],
                metrics["Documents"],
                _resident(),
            )
        )


def _resident() -> int:
    """Return the bytes that the browser's processes hold; what they share counts for each."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "chrom" in process.name():
                total += process.memory_info().rss
    return total
