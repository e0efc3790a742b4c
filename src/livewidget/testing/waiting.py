"""Waiting for a state instead of sleeping in the hope of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_LOOK_S = 0.002  # between two looks at the predicate


def wait_until(predicate: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Block until `predicate()` is true. Raises TimeoutError that names it."""
    deadline = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline:
            raise _late(predicate, timeout_s)
        time.sleep(_LOOK_S)


async def wait_for(predicate: Callable[[], object], timeout_s: float = 10.0) -> None:
    """As `wait_until`, while the running loop goes on."""
    deadline = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline:
            raise _late(predicate, timeout_s)
        await asyncio.sleep(_LOOK_S)


def _late(predicate: Callable[[], object], timeout_s: float) -> TimeoutError:
    code = getattr(predicate, "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
    return TimeoutError(f"still not true after {timeout_s} s{where}")
