"""A server of Elasticsearch's protocol to bind a sink or a test to: noida-db, as a process."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

from livewidget.data.errors import MissingExtraError
from livewidget.testing.waiting import wait_until

_START_S = 30.0


class ElasticServer:
    """Serves `elastic://127.0.0.1:port`, and forgets all when it is killed.

    A context manager; the port stays the same over `kill` and `start`. Raises MissingExtraError
    where noida-db is not installed: it comes with the extra `demo`, for Linux.
    """

    def __init__(self) -> None:
        if not self.is_available():
            raise MissingExtraError("noida-db", "demo")
        self._folder = tempfile.TemporaryDirectory()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @staticmethod
    def is_available() -> bool:
        """Whether the server's program is installed."""
        return _program() is not None

    @property
    def url(self) -> str:
        """The address for a sink; the index comes after it."""
        return f"elastic://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, document: object = None) -> Any:
        """Send a request of its own and return the document that is answered."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_START_S)
        body = None if document is None else json.dumps(document)
        try:
            link.request(method, path, body, {"Content-Type": "application/json"})
            return json.loads(link.getresponse().read() or b"null")
        finally:
            link.close()

    def start(self) -> None:
        """Start it, with nothing in it (the constructor has done so already)."""
        if self._process is not None:
            return
        shutil.rmtree(self._folder.name, ignore_errors=True)  # it crashes on what it has saved
        options = ["--only", "elasticsearch", "--elasticsearch-port", str(self.port)]
        self._process = subprocess.Popen(  # noqa: S603  (a program of this environment)
            [_program() or "noida-db", "start", "--data-dir", self._folder.name, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._answers, _START_S)

    def kill(self) -> None:
        """Kill it as a crash does; `start` starts it again."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
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
        try:
            return bool(self.ask("GET", "/"))
        except (OSError, http.client.HTTPException, ValueError):
            return False


def _program() -> str | None:
    """Return the server's own program: its wrapper would outlive a kill of it."""
    beside = Path(sys.executable).with_name("noida-db")
    return str(beside) if beside.exists() else shutil.which("noida-db")
