"""The MQTT sink through a real broker, read by an aiomqtt subscriber."""

import json

import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import SinkError
from livewidget.sinks import MqttSink
from livewidget.testing import wait_for


def batch(start, stop):
    numbers = range(start, stop)
    return Batch.of({"time": [1e9 + n for n in numbers], "n": list(numbers)})


def subscriber(port):
    from aiomqtt import Client

    return Client("127.0.0.1", port, username="user", password="secret")


async def received(client, count):
    messages = []
    async for message in client.messages:
        messages.append(message)
        if len(messages) == count:
            break
    return messages


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_every_numbered_event_arrives_in_order(mosquitto, qos):
    async with subscriber(mosquitto) as client:
        await client.subscribe("a/b", qos=qos)
        async with MqttSink(f"mqtt://user:secret@127.0.0.1:{mosquitto}/a/b", qos=qos) as sink:
            for start in range(0, 1_000, 50):
                await sink.write(batch(start, start + 50))
        messages = await received(client, 1_000)
    assert [json.loads(each.payload)["n"] for each in messages] == list(range(1_000))
    assert {each.qos for each in messages} == {qos}


async def test_the_newest_is_kept_for_those_who_come_later(mosquitto):
    url = f"mqtt://user:secret@127.0.0.1:{mosquitto}/state"
    async with MqttSink(url, retain=True, qos=1, format="ndjson") as sink:
        await sink.write(batch(0, 2))
        await sink.write(batch(2, 4))
    async with subscriber(mosquitto) as client:
        await client.subscribe("state")
        (message,) = await received(client, 1)
    assert [json.loads(line)["n"] for line in message.payload.splitlines()] == [2, 3]


async def test_a_refused_password_is_one_clear_error_without_it(mosquitto):
    sink = MqttSink(f"mqtt://user:wrong-secret@127.0.0.1:{mosquitto}/a")
    with pytest.raises(SinkError, match=r"^mqtt://127\.0\.0\.1:\d+/a does not answer") as raised:
        await sink.open()
    assert "wrong-secret" not in str(raised.value)
    await sink.close()


async def test_nobody_there_is_one_clear_error():
    pytest.importorskip("aiomqtt", reason="aiomqtt is not installed")
    with pytest.raises(SinkError, match=r"^mqtt://127\.0\.0\.1:1/a does not answer"):
        await MqttSink("mqtt://127.0.0.1:1/a").open()


async def test_a_broker_that_dies_ends_it_with_one_clear_error(mosquitto):
    from livewidget.testing import FaultProxy

    with FaultProxy(mosquitto) as proxy:
        async with MqttSink(f"mqtt://user:secret@127.0.0.1:{proxy.port}/a", qos=1) as sink:
            await sink.write(batch(0, 5))
            proxy.reset()
            client = sink._client
            await wait_for(client._disconnected.done)
            with pytest.raises(SinkError, match="broke off"):
                await sink.write(batch(5, 10))
