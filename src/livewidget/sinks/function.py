"""A function as a sink."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, quote
from livewidget.sinks.base import NumberedSink


class FunctionSink(NumberedSink):
    """Calls `function` with each batch as a pandas DataFrame, or as a `Batch` with `as_batch`.

    One that is `async` runs on the engine's loop, any other in a thread, one call at a time. With
    `numbered` it is given the number of the first row too: a row has the same number when it comes
    again. To raise SinkError is to be called again with the same rows, RejectedError refuses some
    for good; what raises anything else three times with the same rows has refused them all.
    """

    def __init__(
        self, function: Callable[..., Any], *, as_batch: bool = False, numbered: bool = False
    ) -> None:
        if not callable(function):
            raise SettingError(f"expected a function, got {quote(function)}")
        self._function = function
        self._as_batch, self._numbered = as_batch, numbered
        called = getattr(type(function), "__call__", None)  # noqa: B004  (of an object, its method)
        self._waits = any(map(inspect.iscoroutinefunction, (function, called)))
        self.name = getattr(function, "__qualname__", None) or type(function).__name__

    async def open(self) -> None:
        """Do nothing."""

    async def write_from(self, batch: Batch, first: int) -> None:
        """Call it. Raises what it raises."""
        given = batch if self._as_batch else batch.to_dataframe()
        arguments = (given, first) if self._numbered else (given,)
        if self._waits:
            await self._function(*arguments)
            return
        answer = await asyncio.to_thread(self._function, *arguments)
        if inspect.isawaitable(answer):  # a partial or a lambda of one that is async
            await answer

    async def close(self) -> None:
        """Do nothing."""
