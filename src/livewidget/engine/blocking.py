"""Calls that block, off the loop: none outlives who made it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def off_loop(call: Callable[..., T], *args: object) -> T:
    """Return what `call` returns in a thread; cancelled, end only when it has.

    A thread that was begun cannot be stopped: with `asyncio.to_thread` alone, what it keeps may
    come behind what was kept after it. On a loop.
    """
    running = asyncio.ensure_future(asyncio.to_thread(call, *args))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:
                continue
        if not running.cancelled():
            running.exception()  # who was cancelled does not ask how it went
        raise
