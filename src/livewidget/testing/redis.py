"""A Redis server to bind a store or a test to, as a process of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from livewidget.data.errors import LivewidgetError
from livewidget.testing.waiting import wait_until

_START_S = 30.0


class RedisServer:
    """Serves `redis://127.0.0.1:port`. With `append`, every write is on disk before its answer.

    Without it nothing outlives a kill. A context manager; the port stays the same over `kill` and
    `start`. Raises LivewidgetError where no `redis-server` is in the PATH.
    """

    def __init__(self, *, append: bool = False, password: str = "") -> None:
        if not self.is_available():
            raise LivewidgetError("redis-server is not in the PATH")
        self._folder = tempfile.TemporaryDirectory()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--dir": self._folder.name,
            "--save": "",
            "--appendonly": "yes" if append else "no",
            "--appendfsync": "always",
        }
        if password:
            options["--requirepass"] = password
        self._options = [word for pair in options.items() for word in pair]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @staticmethod
    def is_available() -> bool:
        """Whether the server's program is installed."""
        return _program() is not None

    @property
    def url(self) -> str:
        """The address for a store, without a password."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, on the data that it had (the constructor has done so already)."""
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603  (a program of this system)
                [_program() or "redis-server", *self._options],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            wait_until(self._answers, _START_S)

    def kill(self) -> None:
        """Kill it as a crash does; `start` starts it again."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill it, and remove its data."""
        self.kill()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self) -> bool:
        """Whether it answers a command: while it loads its data it says that it does."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


def _program() -> str | None:
    found = shutil.which("redis-server")
    return found or shutil.which("redis-server", path=str(Path("/usr/sbin")))
