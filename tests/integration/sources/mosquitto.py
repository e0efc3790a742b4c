"""The MQTT server mosquitto for tests, with a config of its own."""

import shutil
import signal
import socket
import subprocess

import pytest

from livewidget.testing import wait_until


class Mosquitto:
    """One server in a folder, at a port of its own, which it keeps over `kill` and `start`."""

    def __init__(self, folder, *lines):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            "\n".join(
                [
                    "per_listener_settings false",
                    f"listener {self.port} 127.0.0.1",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "max_queued_messages 100000",
                    "user root",
                    *(lines or ["allow_anonymous true"]),
                    "",
                ]
            )
        )
        self._process = None
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            [program(), "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers)

    def stop(self, sign=signal.SIGTERM):
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait()
            self._process = None

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False


def program():
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def started(folder, *lines):
    """A server, or a skipped test where its program is missing."""
    if program() is None:
        pytest.skip("the MQTT server mosquitto is not installed")
    return Mosquitto(folder, *lines)
