"""The Kafka sink, read by confluent-kafka's own consumer."""

import json
import logging

import pytest

from livewidget.app.produce import produce_async
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, SinkError
from livewidget.sinks import KafkaSink
from livewidget.sinks import kafka as module


def batch(start, stop, **more):
    numbers = range(start, stop)
    return Batch.of({"time": [1e9 + n for n in numbers], "n": list(numbers)} | more)


@pytest.fixture
def topic(kafka, request):
    from confluent_kafka.admin import AdminClient, NewTopic

    name = f"t-{abs(hash(request.node.name))}"
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{kafka}"})
    admin.create_topics([NewTopic(name, num_partitions=3)])[name].result(10)
    return name


def consumed(port, topic, count):
    """All messages of a topic, up to `count`; fails where they do not come."""
    from confluent_kafka import Consumer

    settings = {"bootstrap.servers": f"127.0.0.1:{port}", "group.id": topic}
    consumer = Consumer(settings | {"auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    messages = []
    try:
        while len(messages) < count:
            several = consumer.consume(count, timeout=10)
            assert several, f"{len(messages)} of {count} came"
            messages += several
    finally:
        consumer.close()
    assert not [each.error() for each in messages if each.error()]
    return messages


async def test_every_numbered_event_arrives_once_and_in_order_for_each_key(kafka, topic):
    async with KafkaSink(f"kafka://127.0.0.1:{kafka}/{topic}", key="symbol") as sink:
        for start in range(0, 5_000, 100):
            await sink.write(batch(start, start + 100, symbol=["A", "B", "C", None] * 25))
    assert sink.counts == {"failed": 0, "waiting": 0}
    messages = consumed(kafka, topic, 5_000)
    events = [json.loads(each.value()) for each in messages]
    assert sorted(each["n"] for each in events) == list(range(5_000))
    keys = [each.key() and each.key().decode() for each in messages]
    assert keys == [each["symbol"] for each in events]
    for symbol in "ABC":
        mine = [each["n"] for each in events if each["symbol"] == symbol]
        assert mine == sorted(mine)


async def test_what_is_produced_is_all_there_when_it_says_so(kafka, topic):
    url = f"kafka://127.0.0.1:{kafka}/{topic}"
    summary = await produce_async(
        "orders", url, rate=10_000, count=2_000, key="symbol", duplicate=0.1
    )
    assert summary.counts == {"failed": 0, "waiting": 0}
    events = [json.loads(each.value()) for each in consumed(kafka, topic, summary.events)]
    assert {each["sequence"] for each in events} == set(range(2_000))
    assert len(events) == summary.events > 2_100


async def test_a_batch_may_be_one_message(kafka, topic):
    async with KafkaSink(f"kafka://127.0.0.1:{kafka}/{topic}", format="ndjson") as sink:
        await sink.write(batch(0, 3))
    (message,) = consumed(kafka, topic, 1)
    assert [json.loads(line)["n"] for line in message.value().splitlines()] == [0, 1, 2]


async def test_a_message_that_cannot_be_delivered_is_counted_and_stops_nothing(kafka, topic):
    options = {"message.max.bytes": 1_000}
    async with KafkaSink(f"kafka://127.0.0.1:{kafka}/{topic}", options=options) as sink:
        await sink.write(batch(0, 3, text=["a", "b" * 2_000, "c"]))
        assert sink.failed == 1
    assert [json.loads(each.value())["text"] for each in consumed(kafka, topic, 2)] == ["a", "c"]


async def test_a_full_queue_makes_the_writer_wait(kafka, topic):
    options = {"queue.buffering.max.messages": 10}
    async with KafkaSink(f"kafka://127.0.0.1:{kafka}/{topic}", options=options) as sink:
        await sink.write(batch(0, 500))
        assert sink.counts["waiting"] <= 10
    assert len(consumed(kafka, topic, 500)) == 500


async def test_nobody_there_is_one_clear_error(monkeypatch, caplog):
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    monkeypatch.setattr(module, "_OPEN_S", 0.2)
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(SinkError, match=r"^kafka://127\.0\.0\.1:1/t does not answer"):
        await KafkaSink("kafka://127.0.0.1:1/t").open()


async def test_a_setting_of_the_library_that_there_is_not_is_named():
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    with pytest.raises(SettingError, match="lingering"):
        await KafkaSink("kafka://127.0.0.1:1/t", options={"lingering": 1}).open()


async def test_a_key_is_a_column_of_text(kafka, topic):
    async with KafkaSink(f"kafka://127.0.0.1:{kafka}/{topic}", key="n") as sink:
        with pytest.raises(SettingError, match="key names a column of text, got 'n'"):
            await sink.write(batch(0, 1))
