"""A page whose processor the devtools slow."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page


@contextmanager
def slowed(page: Page, times: int) -> Iterator[Callable[[int], object]]:
    """The page's processor so many times slower than it is; what is given makes it others."""
    session = page.context.new_cdp_session(page)

    def slow(times: int) -> None:
        session.send("Emulation.setCPUThrottlingRate", {"rate": times})

    slow(times)
    try:
        yield slow
    finally:
        slow(1)
        session.detach()
