"""Closing a server without losing a connection that it has just accepted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable


async def stop_accepting(listeners: Iterable[socket.socket]) -> None:
    """Accept no one from now on at a server's `sockets`; close it directly after. On its own loop.

    asyncio accepts a connection in one turn of the loop and takes it on in the next one. A server
    that is closed between the two forgets the connection, which stays open until the garbage
    collector finds it (https://github.com/python/cpython/issues/109564).
    """
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows' loop accepts in another way
        for listener in listeners:
            loop.remove_reader(listener)
    for _turn in range(2):  # the one that may have accepted has its successor
        await asyncio.sleep(0)
