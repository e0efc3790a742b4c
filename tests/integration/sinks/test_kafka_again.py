"""The Kafka sink behind a streamer: delivered or sent again, and doubles that can be told."""

import json
import time

import pytest

from livewidget import DataStreamer, Schema
from livewidget.data.batch import Batch
from livewidget.data.errors import RejectedError, SettingError, SinkError
from livewidget.sinks import KafkaSink
from livewidget.testing import KafkaServer, wait_until

confluent_kafka = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
NUMBERS = Schema.of({"time": "time", "n": "int", "text": "text"}, "time")


def numbers(first, stop, text="a"):
    whole = range(first, stop)
    return {"time": [1e9 + n for n in whole], "n": list(whole), "text": [text] * len(whole)}


def batch(first, stop):
    return Batch.of(numbers(first, stop), NUMBERS)


@pytest.fixture(scope="module")
def server():
    if not KafkaServer.is_available():
        pytest.skip("noida-db, the server of Kafka's protocol, is not installed")
    with KafkaServer() as server:
        yield server


def consumed(server, topic, enough):
    """The messages of a topic, until `enough` says so of them."""
    settings = {"bootstrap.servers": server.servers, "group.id": topic}
    consumer = confluent_kafka.Consumer(settings | {"auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    messages, until = [], time.monotonic() + 20
    try:
        while not enough(messages):
            assert time.monotonic() < until, f"{len(messages)} came"
            several = consumer.consume(500, timeout=0.1)
            messages += [each for each in several if not each.error()]
    finally:
        consumer.close()
    return messages


def values(messages):
    return [json.loads(each.value())["n"] for each in messages]


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_the_header_tells_what_came_twice(server, compression):
    topic = server.create(f"ids-{compression}")
    sink = KafkaSink(
        f"{server.url}/{topic}", compression=compression, id_header="livewidget-row", run="a"
    )
    async with sink:
        await sink.write_from(batch(0, 20), 0)
        await sink.write_from(batch(10, 30), 10)
    messages = consumed(server, topic, lambda got: len(got) == 40)
    by_header = {dict(each.headers())["livewidget-row"]: each for each in messages}
    assert {int(name.decode().removeprefix("a-")) for name in by_header} == {*range(30)}
    assert sorted(values(by_header.values())) == [*range(30)]


async def test_a_message_too_large_is_refused_and_the_others_are_delivered(server):
    topic = server.create("large")
    options = {"message.max.bytes": 1_000}
    async with KafkaSink(f"{server.url}/{topic}", options=options) as sink:
        rows = numbers(0, 3)
        rows["text"][1] = "b" * 2_000
        with pytest.raises(RejectedError, match="too large") as refused:
            await sink.write_from(Batch.of(rows, NUMBERS), 0)
    assert refused.value.rows == [1]
    assert values(consumed(server, topic, lambda got: len(got) == 2)) == [0, 2]


async def test_what_cannot_be_delivered_in_time_is_to_be_sent_again(server):
    topic = server.create("late")
    options = {"delivery.timeout.ms": 1_500}
    async with KafkaSink(f"{server.url}/{topic}", options=options) as sink:
        await sink.write_from(batch(0, 1), 0)
        server.kill()
        try:
            with pytest.raises(SinkError, match="timed out") as raised:
                await sink.write_from(batch(1, 3), 1)
        finally:
            server.start()
        assert not isinstance(raised.value, RejectedError)


def test_killed_in_mid_stream_all_that_it_had_not_taken_comes(server):
    """This server forgets of what it took last: the batch under way, and those before, are its."""
    topic = server.create("killed")
    streamer = DataStreamer(schema=NUMBERS)
    try:
        to = KafkaSink(f"{server.url}/{topic}", id_header="livewidget-row")
        output = streamer.send_to(to, batch_rows=500)
        for part in range(10):
            streamer.push(numbers(part * 1_000, part * 1_000 + 1_000))
            if part == 5:
                wait_until(lambda: output.written > 0)
                server.kill()
                taken = output.written + 500
                server.start()
        wait_until(lambda: output.written == 10_000, 30)
    finally:
        streamer.stop()
    rest = {*range(taken, 10_000)}
    there = consumed(server, topic, lambda got: rest <= {*values(got)})
    by_header = {dict(each.headers())["livewidget-row"]: each for each in there}
    kept = values(by_header.values())
    assert len(kept) == len({*kept}), "what came twice is told by its header"
    assert output.rejected == output.dropped == 0


def test_a_compression_that_there_is_not_is_told():
    with pytest.raises(SettingError, match=r"compression is 'none', .* got 'zip'"):
        KafkaSink("kafka://host/t", compression="zip")
