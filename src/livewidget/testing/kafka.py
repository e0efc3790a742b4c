"""A server of Kafka's protocol to bind a chart or a test to: noida-db, as a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from livewidget.data.errors import MissingExtraError
from livewidget.testing.waiting import wait_until

_START_S = 30.0


class KafkaServer:
    """Serves `kafka://127.0.0.1:port` with its data in `folder` (None: a temporary one).

    A context manager. The port stays the same over `kill` and `start`. Raises MissingExtraError
    where noida-db is not installed: it comes with the extra `demo`, for Linux.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if not self.is_available():
            raise MissingExtraError("noida-db", "demo")
        self._temporary = tempfile.TemporaryDirectory() if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary is not None else folder
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
    def servers(self) -> str:
        """The address as clients of Kafka want it, `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address for a source or a sink; the topic comes after it."""
        return f"kafka://{self.servers}"

    def start(self) -> None:
        """Start it, on the data that it had (the constructor has done so already)."""
        if self._process is not None:
            return
        options = ["--only", "kafka", "--kafka-port", str(self.port)]
        self._process = subprocess.Popen(  # noqa: S603  (a program of this environment)
            [_program() or "noida-db", "start", "--data-dir", str(self.folder), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._answers, _START_S)

    def stop(self) -> None:
        """End it as it likes to be ended: it saves what it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it as a crash does; `start` starts it again."""
        self._end(signal.SIGKILL)

    def _end(self, sign: int) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, sign)
            self._process.wait()
            self._process = None

    def create(self, topic: str, partitions: int = 1) -> str:
        """Create a topic and return its name. Needs confluent-kafka."""
        from confluent_kafka import admin as kafka

        admin = kafka.AdminClient({"bootstrap.servers": self.servers})
        new = kafka.NewTopic(topic, partitions, 1)  # type: ignore[attr-defined]  # it is there
        for future in admin.create_topics([new]).values():
            future.result()
        return topic

    def close(self) -> None:
        """Kill it, and remove its data where they are temporary."""
        self.kill()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False


def _program() -> str | None:
    """Return the server's own program: its wrapper would outlive a kill of it."""
    beside = Path(sys.executable).with_name("noida-db")
    return str(beside) if beside.exists() else shutil.which("noida-db")
