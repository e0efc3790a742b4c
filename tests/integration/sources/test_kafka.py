"""KafkaSource on a real server of the protocol: every start, every column, every refusal."""

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

pytest.importorskip("confluent_kafka", reason="confluent-kafka, of the extra kafka, is missing")
from kafka_server import started

from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.resilience import Backoff
from livewidget.sources import KafkaSource, resolve
from livewidget.testing import RecordingOutlet, wait_for, wait_until

QUICK = {"base_s": 0.02, "cap_s": 0.1}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    server = started(tmp_path_factory.mktemp("kafka"))
    yield server
    server.kill()


@pytest.fixture
def topic(kafka, request):
    return kafka.create(request.node.name.translate(str.maketrans("[]", "..", ":{}-, '")), 3)


def records(start, stop):
    return [{"n": n, "v": n / 2} for n in range(start, stop)]


def numbers(outlet):
    return [int(n) for data in list(outlet.data) for n in data["n"]]


def states(outlet):
    return [state for state, _, _ in outlet.states]


def source(kafka, topic, **options):
    return KafkaSource(
        kafka.servers, topic, **{"commit_s": 0.05, "backoff": Backoff(**QUICK)} | options
    )


async def all_of(outlet, count, timeout_s=30):
    await wait_for(lambda: len(set(numbers(outlet))) >= count, timeout_s)
    assert sorted(set(numbers(outlet))) == list(range(count))


async def test_a_url_alone_reads_all_from_the_earliest(kafka, topic, outlet, running):
    kafka.produce(topic, records(0, 3000))
    running(resolve(f"kafka://{kafka.servers}/{topic}?start=earliest", time="time"), outlet)
    await all_of(outlet, 3000)
    assert Counter(numbers(outlet)).most_common(1)[0][1] == 1
    assert len(outlet.data) < 30
    assert states(outlet) == [State.WAITING, State.LIVE]


async def test_latest_begins_with_what_comes(kafka, topic, outlet, running):
    kafka.produce(topic, records(100, 200))
    running(source(kafka, topic), outlet)
    await wait_for(lambda: State.LIVE in states(outlet))
    kafka.produce(topic, records(0, 50))
    await all_of(outlet, 50)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (4, [4, 5, 6, 7, 8, 9]),
        ("8", [8, 9]),
        ({0: 7}, [7, 8, 9]),
        ({1: 7}, list(range(10))),
    ],
)
async def test_an_offset_begins_there(kafka, outlet, running, start, expected):
    topic = kafka.create(f"offset-{abs(hash(str(start)))}")
    kafka.produce(topic, records(0, 10))
    running(source(kafka, topic, start=start), outlet)
    await wait_for(lambda: numbers(outlet)[-1:] == [9])
    assert numbers(outlet) == expected


async def test_an_offset_beyond_the_end_begins_with_what_comes(kafka, outlet, running):
    topic = kafka.create("beyond")
    kafka.produce(topic, records(0, 10))
    running(source(kafka, topic, start=1000), outlet)
    await wait_for(lambda: State.LIVE in states(outlet))
    kafka.produce(topic, records(10, 12))
    await wait_for(lambda: numbers(outlet) == [10, 11])


@pytest.mark.parametrize("kind", ["datetime", "iso", "ns"])
async def test_a_time_begins_with_the_messages_since(kafka, outlet, running, kind):
    topic = kafka.create(f"time-{kind}")
    second = int(time.time()) - 60  # older than its retention the server may delete them at once
    for n in range(5):
        kafka.produce(topic, records(n, n + 1), timestamp=(second + n) * 1000)
    when = datetime.fromtimestamp(second + 3, UTC)
    start = {"datetime": when, "iso": when.isoformat(), "ns": (second + 3) * 10**9}[kind]
    running(source(kafka, topic, start=start), outlet)
    await wait_for(lambda: numbers(outlet) == [3, 4])


async def test_a_time_to_come_begins_with_what_comes(kafka, topic, outlet, running):
    kafka.produce(topic, records(0, 9))
    running(source(kafka, topic, start="2100-01-01T00:00:00Z"), outlet)
    await wait_for(lambda: State.LIVE in states(outlet))
    kafka.produce(topic, records(0, 3))
    await all_of(outlet, 3)


async def test_a_group_goes_on_where_it_was(kafka, topic, running):
    kafka.produce(topic, records(0, 300))
    first, second = RecordingOutlet(), RecordingOutlet()
    task = running(source(kafka, topic, group="goes-on", start="earliest"), first)
    await all_of(first, 300)
    task.cancel()
    await asyncio.wait([task])
    assert sum(kafka.committed("goes-on", topic).values()) == 300
    kafka.produce(topic, records(300, 400))
    running(source(kafka, topic, group="goes-on", start="earliest"), second)
    await wait_for(lambda: len(numbers(second)) >= 100)
    assert sorted(numbers(second)) == list(range(300, 400))


async def test_a_group_that_began_at_the_latest_keeps_it_though_nothing_came(kafka, topic, running):
    kafka.produce(topic, records(500, 530))
    task = running(source(kafka, topic, group="late"), RecordingOutlet())
    await wait_for(lambda: kafka.committed("late", topic) == {0: 10, 1: 10, 2: 10})
    task.cancel()
    await asyncio.wait([task])
    kafka.produce(topic, records(0, 30))  # while nobody was there
    outlet = RecordingOutlet()
    running(source(kafka, topic, group="late"), outlet)
    await all_of(outlet, 30)


async def test_without_a_group_nothing_is_committed(kafka, topic, outlet, running):
    kafka.produce(topic, records(0, 30))
    running(source(kafka, topic, start="earliest"), outlet)
    await all_of(outlet, 30)
    groups = kafka._admin.list_consumer_groups().result().valid
    assert not [each for each in groups if each.group_id.startswith("livewidget-")]


async def test_several_topics_are_one_feed_and_the_metadata_tells_which(kafka, outlet, running):
    for name, low in (("many-a", 0), ("many-b", 10)):
        kafka.create(name, 2)
        kafka.produce(name, records(low, low + 10), key=f"key {name}")
    two = ["many-a", "many-b"]
    running(source(kafka, two, group="many", start="earliest", with_metadata=True), outlet)
    await all_of(outlet, 20)
    for row in outlet.rows:
        assert row["kafka_topic"] == two[row["n"] >= 10]
        assert row["kafka_key"] == f"key {row['kafka_topic']}"
        assert row["kafka_partition"] == row["n"] % 2
        assert row["kafka_offset"] == row["n"] % 10 // 2


async def test_metadata_stays_with_its_message_whatever_it_holds(kafka, outlet, running):
    topic = kafka.create("several")
    kafka.produce(
        topic,
        [
            [],
            [{"n": 0}, {"n": 1}],
            {"n": 2},
            b"{oops",
            [{"n": 3}, 4],
            b'{"n": 4}\n{"n": 5}',
            None,
            {"n": 6},
        ],
    )
    running(source(kafka, topic, start="earliest", with_metadata=["offset"]), outlet)
    await wait_for(lambda: numbers(outlet)[-1:] == [6])
    found = [(row["n"], row["kafka_offset"]) for row in outlet.rows]
    assert found == [(0, 1), (1, 1), (2, 2), (3, 4), (4, 5), (5, 5), (6, 7)]
    reasons = [reason for _, reason in outlet.rejected]
    assert len(reasons) == 3
    assert "a message without a payload (a tombstone)" in reasons


async def test_messages_without_a_time_have_the_one_they_were_written_with(kafka, running):
    topic = kafka.create("times")
    written_ms = int(time.time()) * 1000 - 59_877
    kafka.produce(topic, records(0, 3), timestamp=written_ms)
    kafka.produce(topic, [{"n": 3, "time": 5}], timestamp=written_ms)
    outlet, named = RecordingOutlet(), RecordingOutlet()
    running(source(kafka, topic, start={0: 0}, batch=1), outlet)
    running(source(kafka, topic, start={0: 0}, batch=1, time="when"), named)
    await wait_for(lambda: len(outlet.data) == len(named.data) == 4)
    assert [row["time"] for row in outlet.rows][:3] == [written_ms * 1_000_000] * 3
    assert outlet.data[3]["time"].tolist() == [5]
    assert "time" not in named.data[0]
    assert "when" not in named.data[0]  # a name that is nobody's is for the engine to refuse


async def test_what_retention_took_is_a_gap_and_reading_goes_on(kafka, outlet, running):
    topic = kafka.create("retention")
    kafka.produce(topic, records(0, 100))
    task = running(source(kafka, topic, group="retention", start=10, batch=20), outlet)
    await wait_for(lambda: 99 in numbers(outlet))
    task.cancel()
    await asyncio.wait([task])
    kafka.produce(topic, records(100, 200))
    kafka.delete_before(topic, 0, 150)
    running(source(kafka, topic, group="retention"), outlet)
    await wait_for(lambda: 199 in numbers(outlet))
    assert numbers(outlet) == [*range(10, 100), *range(150, 200)]
    assert [gap[2] for gap in outlet.gaps] == [
        "offsets 100 to 149 of retention[0] are deleted at the server"
    ]


async def test_commits_come_only_after_the_events_are_stored(kafka, topic, running, monkeypatch):
    monkeypatch.setattr("livewidget.sources.kafka.SETTLE_S", 0.2)
    outlet = Storing()
    kafka.produce(topic, records(0, 300))
    task = running(source(kafka, topic, group="stored", start="earliest"), outlet)
    await all_of(outlet, 300)
    await wait_for(lambda: outlet.asked)
    kafka.produce(topic, records(300, 600))
    await all_of(outlet, 600)
    assert kafka.committed("stored", topic) == {}
    task.cancel()
    await asyncio.wait([task])
    assert kafka.committed("stored", topic) == {}  # leaving the group commits nothing either
    outlet.storing.set()
    running(source(kafka, topic, group="stored", start="earliest"), outlet)
    await wait_for(lambda: kafka.committed("stored", topic) == {0: 200, 1: 200, 2: 200})
    assert Counter(numbers(outlet)) == dict.fromkeys(range(600), 2)


class Storing(RecordingOutlet):
    """An outlet that stores nothing before it is let."""

    def __init__(self):
        super().__init__()
        self.storing = asyncio.Event()
        self.asked = 0

    async def stored(self):
        self.asked += 1
        await self.storing.wait()


async def test_pressure_pauses_and_the_group_keeps_the_member(kafka, topic, outlet, running):
    short = {"session.timeout.ms": 6000, "max.poll.interval.ms": 6000}
    feed = source(kafka, topic, group="pressed", start="earliest", batch=50, config=short)
    running(feed, outlet)
    kafka.produce(topic, records(0, 300))
    await all_of(outlet, 300)
    outlet.hold()
    kafka.produce(topic, records(300, 3000))
    await wait_for(lambda: feed._member._paused)
    held = len(outlet.data)
    till = time.monotonic() + 7.0  # longer than the group waits for a member that does not poll
    await wait_for(lambda: time.monotonic() > till)
    assert len(outlet.data) == held
    assert len(numbers(outlet)) < 600
    outlet.release()
    await all_of(outlet, 3000)
    assert len(numbers(outlet)) == 3000  # a member thrown out would have read some again
    assert State.RECONNECTING not in states(outlet)


async def test_a_topic_that_is_not_there_is_an_error_at_once(kafka, outlet, running):
    with pytest.raises(SourceError, match=r"has no topic 'nowhere'"):
        await running(source(kafka, "nowhere", group="g"), outlet)


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        ("no.such.host.invalid:9092", "there is no address for no.such.host.invalid:9092"),
        ("127.0.0.1:1", "nothing answers at 127.0.0.1:1"),
    ],
)
async def test_a_server_that_is_not_there_is_waited_for(outlet, running, servers, reason):
    task = running(KafkaSource(servers, "t", backoff=Backoff(**QUICK)), outlet)
    await wait_for(lambda: states(outlet).count(State.RECONNECTING) > 1, 30)
    assert outlet.states[1][1] == reason
    task.cancel()
    with pytest.raises(SourceError, match=reason):
        await running(KafkaSource(servers, "t", reconnect=False), RecordingOutlet())
    # A thread of librdkafka's asks for the address, and cannot be kept from waiting for an answer.
    await wait_for(lambda: not [t for t in threading.enumerate() if "source" in t.name], 30)


def test_a_bad_setting_is_told_at_the_door(tmp_path):
    for options, told in (
        ({"start": "yesterday"}, "start is 'earliest'"),
        ({"start": -1}, "start is"),
        ({"start": True}, "start is"),
        ({"with_metadata": ["offsets"]}, "with_metadata is True or some of"),
        ({"tls": "/no/such/file"}, "tls is True, False or a file"),
        ({"batch": 0}, "batch and commit_s"),
        ({"config": {"group.id": "g"}}, "config cannot set 'group.id': it is `group`"),
        ({"format": "no format"}, "format is"),
    ):
        with pytest.raises(SettingError, match=told):
            KafkaSource("host:9092", "t", **options)
    for url, told in (
        ("kafka://host:9092", "needs a topic"),
        ("kafka:///t", "needs servers"),
        ("kafka://host/t?grp=1", "knows group, start"),
        ("kafka://host/^t", "need a group"),
    ):
        with pytest.raises(SettingError, match=told):
            KafkaSource(url)


async def test_a_setting_that_librdkafka_refuses_is_an_error(kafka, outlet, running):
    with pytest.raises(SourceError, match='No such configuration property: "nonsense"'):
        await running(source(kafka, "t", config={"nonsense": 1}), outlet)


async def test_a_group_that_does_not_take_the_member_is_an_error(kafka, topic, outlet, running):
    with pytest.raises(SourceError, match="Invalid session timeout"):
        await running(source(kafka, topic, group="g", config={"session.timeout.ms": 10}), outlet)


async def test_a_certificate_nobody_vouches_for_is_refused_at_once(
    tls_port, outlet, running, capfd
):
    with pytest.raises(SourceError, match="its certificate is not valid"):
        await running(KafkaSource(f"localhost:{tls_port}", "t", tls=True), outlet)
    assert capfd.readouterr() == ("", "")


async def test_a_wrong_password_is_refused_at_once_and_shown_nowhere(
    guarded, outlet, running, capfd, caplog
):
    caplog.set_level(logging.DEBUG)
    url = f"kafka://somebody:hunter-2@127.0.0.1:{guarded}/t"
    feed = KafkaSource(url, tls=False, config={"debug": "security,broker"})
    with pytest.raises(SourceError, match="does not accept who asks") as caught:
        await running(feed, outlet)
    shown = f"{caught.value} {feed!r} {feed.name} {outlet.states} {caplog.text}"
    shown += "".join(capfd.readouterr())
    assert caplog.text
    assert "hunter-2" not in shown
    assert "somebody" not in shown


@pytest.fixture
def guarded():
    """A server of Kafka's protocol, by hand, that lets nobody in."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=refuse_all, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def refuse_all(listening):
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as reader:
            while len(head := reader.read(12)) == 12:
                size, key, _, number = (
                    int.from_bytes(head[a:b], "big") for a, b in ((0, 4), (4, 6), (6, 8), (8, 12))
                )
                reader.read(size - 8)
                body = number.to_bytes(4, "big") + ANSWERS[key]
                connection.sendall(len(body).to_bytes(4, "big") + body)


def versions(*ranges):
    """ApiVersions v3 of KIP-35: error, the compact array of (key, lowest, highest), throttling."""
    each = b"".join(b"".join(n.to_bytes(2, "big") for n in one) + b"\0" for one in ranges)
    return bytes(2) + bytes([len(ranges) + 1]) + each + bytes(5)


ANSWERS = {
    18: versions((3, 0, 12), (17, 0, 1), (18, 0, 3), (36, 0, 1)),
    17: bytes(2) + (1).to_bytes(4, "big") + b"\0\5PLAIN",  # SaslHandshake: the mechanisms
    36: b"\0\x3a\0\3no!" + bytes(12),  # SaslAuthenticate: 58, SASL_AUTHENTICATION_FAILED
}


@pytest.fixture
def tls_port(serving):
    """Something that speaks TLS, with a certificate of its own making."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=shake_all, args=(listening, serving), daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def shake_all(listening, context):
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        try:
            context.wrap_socket(connection, server_side=True).close()
        except (ssl.SSLError, OSError):
            connection.close()


def test_through_a_streamer_every_message_has_its_place_and_then_is_committed(kafka):
    topic = kafka.create("streamed", 2)
    kafka.produce(topic, [*records(0, 500), None, b"{oops", *records(500, 1000)])
    url = f"kafka://{kafka.servers}/{topic}?group=streamed&start=earliest"
    with DataStreamer(url, time="time", columns=("v",), commit_s=0.05) as streamer:
        wait_until(lambda: streamer.account().received >= 1002)
        wait_until(lambda: sum(kafka.committed("streamed", topic).values()) == 1002)
        streamer.drain()
        account, reasons = streamer.account(), streamer.stats()["reasons"]
        frame = streamer.to_dataframe()
    assert (account.received, account.stored, account.rejected) == (1002, 1000, 2)
    assert reasons["a message without a payload (a tombstone)"] == 1
    assert sorted(frame["v"]) == [n / 2 for n in range(1000)]  # each at the time it was written
