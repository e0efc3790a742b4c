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
from livewidget.engine.streamer import DataStreamer
from livewidget.sources import KafkaSource
from livewidget.testing import wait_until

TARGET = 0.7
TOPIC, PARTITIONS = "ticks", 4
BATCH = 10_000
START = 1_700_000_000_000_000_000  # ns since the epoch
_log = logging.getLogger("benchmarks.kafka")
_log.addHandler(logging.NullHandler())


class _Tick(msgspec.Struct, gc=False):
    """What the bare loop decodes into: what the source does too, on its way to columns."""

    time: float | int | str | bool | None = None
    bid: float | int | str | bool | None = None
    ask: float | int | str | bool | None = None
    symbol: float | int | str | bool | None = None


def measure(*, quick: bool) -> Outcome:
    """Read one topic from its beginning, by turns into a buffer and into nothing."""
    events, rounds = (100_000, 4) if quick else (400_000, 12)
    with _server() as servers:
        _fill(servers, events)
        jobs: dict[str, Callable[[], float]] = {
            "bare": lambda: _bare(servers, events),
            "buffer": lambda: _source(servers, events),
            "group": lambda: _source(servers, events, group=f"group-{time.monotonic_ns()}"),
        }
        times = interleaved(jobs, rounds, warm_up=1)
    figures, bars = [], {}
    bare = events / quartiles(times["bare"])[1]
    for kind, said in (("buffer", "all partitions"), ("group", "a group, committed once stored")):
        low, middle, high = ratios(times["bare"], times[kind])
        rate = events / quartiles(times[kind])[1]
        text = f"{rate / 1e3:,.0f} k events/s; bare loop {bare / 1e3:,.0f} k"
        name = f"into the buffer over the bare loop, {said}"
        figures.append(Figure(name, middle, "x", text, TARGET, at_least=True, low=low, high=high))
        bars[said] = rate / 1e3
    bars["bare loop"] = bare / 1e3
    plot = Plot("A Kafka topic, read from its beginning", "", "k events a second", bars=bars)
    note = (
        f"{events:,} events of a time, two numbers and a key as JSON in {PARTITIONS} partitions, "
        "by the clock, from the first batch until all are in the ring of a "
        f"`DataStreamer`. The bare loop takes batches of {BATCH:,} from the same library with the "
        "same settings and decodes each by one call of msgspec into structs, which it forgets. The "
        "server is noida-db on the same machine, and takes its share of it from both."
    )
    return Outcome("From a Kafka topic to the buffer", figures, [plot], note)


def _source(servers: str, events: int, group: str | None = None) -> float:
    source = KafkaSource(
        servers,
        TOPIC,
        group=group,
        start="earliest",
        fields=("time", "bid", "ask", "symbol"),
        needs=("bid", "ask"),
        batch=BATCH,
    )
    with DataStreamer(source, time="time", by="symbol", columns=("bid", "ask")) as streamer:
        wait_until(lambda: streamer.account().received, 120)
        begun, early = time.perf_counter(), streamer.account().received
        wait_until(lambda: streamer.account().received >= events, 120)
        streamer.drain()
        took = (time.perf_counter() - begun) * events / (events - early)
        account = streamer.account()
    assert account.stored == events, account
    return took


def _bare(servers: str, events: int) -> float:
    decoder = msgspec.json.Decoder(_Tick)
    settings: Any = {
        "bootstrap.servers": servers,
        "group.id": "bare",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "queued.max.messages.kbytes": 32_768,
    }
    consumer = Consumer(settings, logger=_log)
    consumer.assign([TopicPartition(TOPIC, each, 0) for each in range(PARTITIONS)])
    rows, early, begun = 0, 0, 0.0
    while rows < events:
        if rows and not early:
            begun, early = time.perf_counter(), rows
        values = [each.value() for each in consumer.consume(BATCH, 0.005) if each.error() is None]
        rows += len(decoder.decode_lines(b"\n".join(values)))
    took = (time.perf_counter() - begun) * events / (events - early)
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
