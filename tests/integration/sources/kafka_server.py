"""A server of Kafka's protocol for tests, by noida-db, and what speaks to it."""

import functools
import json
import logging
import time

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from livewidget.testing import KafkaServer, wait_until

_log = logging.getLogger("kafka-server")
_log.addHandler(logging.NullHandler())
QUIET = {"logger": _log, "error_cb": lambda _: None}


class Server(KafkaServer):
    """A server, and what a test asks of it and does to it."""

    def saved(self):
        """Wait until all that it has now is on its disk.

        It writes a snapshot every few seconds, where there is news since the last: here is some.
        """
        snapshot, now = self.folder / "kafka.json", time.time()
        self.produce(self.create(f"news-{now}"), [{"n": 0}])
        wait_until(lambda: snapshot.exists() and snapshot.stat().st_mtime > now, 30)

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


def started(folder):
    """A server, or a skipped test where its program is missing."""
    if not KafkaServer.is_available():
        pytest.skip("noida-db, the server of Kafka's protocol, is not installed")
    return Server(folder)
