"""A Kafka topic into the buffer, beside a bare loop of confluent-kafka that decodes and forgets."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.harness import Figure, Outcome, Plot, interleaved, quartiles, ratios
from livewidget.codecs.json import JsonDecoder
from livewidget.engine.streamer import DataStreamer
from livewidget.sources import KafkaSource
from livewidget.testing import wait_until

TARGET = 0.7
TOPIC, PARTITIONS = "ticks", 4
BATCH = 10_000
FIELDS, NEEDS = ("time", "bid", "ask", "symbol"), ("bid", "ask")
LABELS = {
    "columns": "bare, to columns",
    "structs": "bare, to structs",
    "alone": "all partitions",
    "group": "in a group",
}
LOOK_S = 0.01  # between two looks at what has come
START = 1_700_000_000_000_000_000  # ns since the epoch
_log = logging.getLogger("benchmarks.kafka")
_log.addHandler(logging.NullHandler())


class _Tick(msgspec.Struct, gc=False):
    """What msgspec makes of an event, in the source too, on its way to columns."""

    time: float | int | str | bool | None = None
    bid: float | int | str | bool | None = None
    ask: float | int | str | bool | None = None
    symbol: float | int | str | bool | None = None


def measure(*, quick: bool) -> Outcome:
    """Read one topic from its beginning, by turns into a buffer and into nothing."""
    events, rounds = (100_000, 4) if quick else (400_000, 12)
    structs = msgspec.json.Decoder(_Tick)
    columns = JsonDecoder(FIELDS, needs=NEEDS)
    with _server() as servers:
        _fill(servers, events)
        jobs: dict[str, Callable[[], float]] = {
            "columns": lambda: _bare(servers, events, lambda v: columns.decode(v).rows),
            "structs": lambda: _bare(
                servers, events, lambda v: len(structs.decode_lines(b"\n".join(v)))
            ),
            "alone": lambda: _source(servers, events),
            "group": lambda: _source(servers, events, group=f"group-{time.monotonic_ns()}"),
        }
        times = interleaved(jobs, rounds, warm_up=1)
    rates = {name: events / quartiles(each)[1] / 1e3 for name, each in times.items()}
    figures = []
    for kind, said in (("alone", "all partitions"), ("group", "in a group")):
        for bare, limit in (("columns", TARGET), ("structs", None)):
            low, middle, high = ratios(times[bare], times[kind])
            text = f"{rates[kind]:,.0f} k events/CPU s; bare loop {rates[bare]:,.0f} k"
            name = f"into the buffer over a bare loop to {bare}, {said}"
            figures.append(
                Figure(name, middle, "x", text, limit, at_least=True, low=low, high=high)
            )
    bars = {LABELS[name]: rate for name, rate in rates.items()}
    plot = Plot("A Kafka topic from its beginning", "", "k events a CPU second", bars=bars)
    note = (
        f"{events:,} events of a time, two numbers and a key as JSON in {PARTITIONS} partitions. "
        "Counted is the CPU time of the whole process, librdkafka's threads included, until all "
        "are in the ring of a `DataStreamer`, for the machine is shared and the server, noida-db, "
        f"runs on it too. A bare loop takes batches of {BATCH:,} from the same library with the "
        "same settings, decodes each at once and forgets it: to columns by the decoder that the "
        "source has, or to structs by one call of msgspec. A group commits once events are stored."
    )
    return Outcome("From a Kafka topic to the buffer", figures, [plot], note)


def _source(servers: str, events: int, group: str | None = None) -> float:
    """Return the CPU seconds until all events are in a buffer."""
    source = KafkaSource(
        servers, TOPIC, group=group, start="earliest", fields=FIELDS, needs=NEEDS, batch=BATCH
    )
    begun = time.process_time()
    with DataStreamer(source, time="time", by="symbol", columns=NEEDS) as streamer:
        while streamer.account().received < events:
            time.sleep(LOOK_S)
        streamer.drain()
        took = time.process_time() - begun
        account = streamer.account()
    assert account.stored == events, account
    return took


def _bare(servers: str, events: int, decode: Callable[[list[Any]], int]) -> float:
    """Return the CPU seconds until all events are decoded."""
    settings: Any = {
        "bootstrap.servers": servers,
        "group.id": "bare",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "queued.max.messages.kbytes": 32_768,
    }
    begun = time.process_time()
    consumer = Consumer(settings, logger=_log)
    consumer.assign([TopicPartition(TOPIC, each, 0) for each in range(PARTITIONS)])
    rows = 0
    while rows < events:
        values = [each.value() for each in consumer.consume(BATCH, 0.1) if each.error() is None]
        rows += decode(values)
    took = time.process_time() - begun
    consumer.close()
    return took


def _fill(servers: str, events: int) -> None:
    admin = AdminClient({"bootstrap.servers": servers}, logger=_log)
    for created in admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)]).values():
        created.result()
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 50}, logger=_log)
    for n in range(events):
        tick = f'{{"time":{START + n * 1_000_000},"bid":{n % 977 / 8},"ask":{n % 983 / 8 + 1},'
        message = f'{tick}"symbol":"S{n % 8}"}}'
        while True:
            try:
                producer.produce(TOPIC, message, partition=n * PARTITIONS // events)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


@contextlib.contextmanager
def _server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    beside = Path(sys.executable).with_name("noida-db")
    program = str(beside) if beside.exists() else shutil.which("noida-db")
    assert program is not None, "noida-db, the server of Kafka's protocol, is not installed"
    with tempfile.TemporaryDirectory() as folder:
        options = ["--data-dir", folder, "--only", "kafka", "--kafka-port", str(port)]
        process = subprocess.Popen(
            [program, "start", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_until(lambda: _answers(port), 30)
            yield f"127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False
