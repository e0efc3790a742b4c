"""Numbered events from a server to a folder, by a process that is killed again and again."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from livewidget.data.history import EVER
from livewidget.storage.embedded import EmbeddedStore
from livewidget.testing import HttpServer, KafkaServer

SCRIPT = Path(__file__).with_name("killed_process.py")
MOMENTS = (
    "before the write",
    "after the write",
    "before the acknowledgement",
    "after the acknowledgement",
)
WITHIN = "within the acknowledgement"  # which a group keeps at the server
KINDS = ("sse", "kafka", "kafka group")
RATE = 2_000  # events a second
PER_TURN = 20


def event(n):
    """An event of long ago: what is restored by age is not what came last."""
    return {"id": n, "time": 1e9 + n, "v": n * 0.5}


class SseServer:
    """An event stream that goes on behind a Last-Event-ID."""

    def __init__(self):
        self._server = HttpServer()
        self.url = f"{self._server.url}/events"

    def send(self, events):
        self._server.send(*events)

    def close(self):
        self._server.stop()


class KafkaTopic:
    """A topic of one partition."""

    def __init__(self):
        from confluent_kafka import Producer

        self._server = KafkaServer()
        self.url = f"{self._server.url}/{self._server.create('flow')}"
        self._producer = Producer({"bootstrap.servers": self._server.servers, "log_level": 0})

    def send(self, events):
        for each in events:
            self._producer.produce("flow", json.dumps(each))
        self._producer.flush(20)

    def close(self):
        self._server.close()


@contextmanager
def serving(kind):
    server = SseServer() if kind == "sse" else KafkaTopic()
    try:
        yield server
    finally:
        server.close()


class Sender(threading.Thread):
    """Sends numbers at a steady rate until it is told to end."""

    def __init__(self, server):
        super().__init__(name="sender", daemon=True)
        self.sent = 0
        self._server = server
        self._ended = threading.Event()

    def run(self):
        while not self._ended.wait(PER_TURN / RATE):
            self._server.send(map(event, range(self.sent, self.sent + PER_TURN)))
            self.sent += PER_TURN

    def end(self):
        self._ended.set()
        self.join()


def kill_again_and_again(kind, folder, kills, rng):
    """Return how many events were sent, and the ids in the folder at the end."""
    with serving(kind) as server, recorders() as run:
        sender = Sender(server)
        sender.start()
        moments = itertools.cycle(MOMENTS if kind == "kafka group" else (*MOMENTS, WITHIN))
        for moment in itertools.islice(moments, kills):
            assert run(kind, server.url, str(folder), moment, rng.randrange(1, 12), 0) == -9
        sender.end()
        assert run(kind, server.url, str(folder), "never", 0, sender.sent) == 0
    with EmbeddedStore(folder, readonly=True) as store:
        return sender.sent, [n for batch in store.read(-EVER, EVER) for n in batch["id"].tolist()]


@contextmanager
def recorders():
    """Yield what runs one and returns its exit status."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, str(SCRIPT)], bufsize=1, **pipes) as process:

        def run(*words):
            process.stdin.write(json.dumps(words) + "\n")
            return int(process.stdout.readline())

        try:
            yield run
        finally:
            process.stdin.close()
