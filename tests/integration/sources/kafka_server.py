"""A server of Kafka's protocol for tests, by noida-db, and what speaks to it."""

import functools
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from livewidget.testing import wait_until

_log = logging.getLogger("kafka-server")
_log.addHandler(logging.NullHandler())
QUIET = {"logger": _log, "error_cb": lambda _: None}


def program():
    """The server's own program: its wrapper would outlive a kill of it."""
    beside = Path(sys.executable).with_name("noida-db")
    return str(beside) if beside.exists() else shutil.which("noida-db")


class KafkaServer:
    """One server in a folder, at a port of its own that survives `kill` and `start`."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.servers = f"127.0.0.1:{self.port}"
        self._folder = folder
        self._process = None
        self.start()

    def start(self):
        options = ["--only", "kafka", "--kafka-port", str(self.port)]
        command = [program(), "start", "--data-dir", str(self._folder), *options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_until(self._answers, 30)

    def saved(self):
        """Wait until all that it has now is on its disk: it writes a snapshot every few seconds."""
        snapshot, now = self._folder / "kafka.json", time.time()
        wait_until(lambda: snapshot.exists() and snapshot.stat().st_mtime > now, 30)

    def stop(self):
        """End it as it likes to be: it saves what it has."""
        self.kill(signal.SIGTERM)

    def kill(self, sign=signal.SIGKILL):
        """Kill it as a crash does."""
        if self._process is not None:
            os.killpg(self._process.pid, sign)
            self._process.wait()
            self._process = None

    def create(self, topic, partitions=1):
        for future in self._admin.create_topics([NewTopic(topic, partitions, 1)]).values():
            future.result()
        return topic

    def delete_before(self, topic, partition, offset):
        """Delete records, as retention does."""
        answer = self._admin.delete_records([TopicPartition(topic, partition, offset)])
        for future in answer.values():
            future.result()

    def produce(self, topic, records, *, partition=None, **options):
        """Write records (what is not bytes or None goes as JSON), in turn over all partitions."""
        producer = Producer({"bootstrap.servers": self.servers} | QUIET)
        failed = []
        for record in records:
            value = record if record is None or isinstance(record, bytes) else json.dumps(record)
            place = {} if partition is None else {"partition": partition}
            if partition is None and isinstance(record, dict) and "n" in record:
                place = {"partition": record["n"] % self.partitions(topic)}
            producer.produce(
                topic, value, on_delivery=lambda e, _: e and failed.append(e), **place, **options
            )
            producer.poll(0)
        left = producer.flush(20)
        assert (left, failed) == (0, [])

    def partitions(self, topic):
        known = self.__dict__.setdefault("_partitions", {})
        if topic not in known:
            known[topic] = len(self._admin.list_topics(topic, timeout=10).topics[topic].partitions)
        return known[topic]

    def committed(self, group, topic):
        """What the group has committed, by partition."""
        wanted = ConsumerGroupTopicPartitions(
            group, [TopicPartition(topic, each) for each in range(self.partitions(topic))]
        )
        answer = self._admin.list_consumer_group_offsets([wanted])[group].result()
        return {each.partition: each.offset for each in answer.topic_partitions if each.offset >= 0}

    @functools.cached_property
    def _admin(self):
        return AdminClient({"bootstrap.servers": self.servers} | QUIET)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False


def started(folder):
    """A server, or a skipped test where its program is missing."""
    if program() is None:
        pytest.skip("noida-db, the server of Kafka's protocol, is not installed")
    return KafkaServer(folder)
