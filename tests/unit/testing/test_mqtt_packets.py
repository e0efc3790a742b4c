import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.testing.mqtt_packets import (
    Packet,
    Publication,
    matches,
    packet,
    publish,
    read_connect,
    read_publish,
)

aiomqtt = pytest.importorskip("aiomqtt", reason="aiomqtt, of the extra mqtt, is missing")

levels = st.sampled_from(["a", "b", "", "$s", "aa"])
topics = st.lists(levels, min_size=1, max_size=4).map("/".join).filter(bool)
wildcards = st.lists(st.sampled_from(["a", "b", "", "+", "$s"]), min_size=1, max_size=4)
filters = st.tuples(wildcards, st.booleans()).map(
    lambda made: "/".join([*made[0], "#"] if made[1] else made[0])
)


@given(filters.filter(bool), topics)
def test_a_filter_takes_the_topics_that_another_implementation_says(wanted, topic):
    system = topic.startswith("$") and wanted[0] in "+#"  # which aiomqtt leaves to the server
    expected = not system and aiomqtt.Topic(topic).matches(wanted)
    assert matches(wanted, topic) == expected


@given(
    topic=topics,
    payload=st.binary(max_size=300),
    qos=st.integers(0, 2),
    retain=st.booleans(),
    number=st.integers(1, 65_535),
)
def test_a_message_is_read_as_it_was_written(topic, payload, qos, retain, number):
    message = Publication(topic, payload, qos, retain)
    data = publish(message, number)
    start = 1 + next(place for place, byte in enumerate(data[1:], 1) if byte < 0x80)
    assert data[0] >> 4 == Packet.PUBLISH
    assert read_publish(data[0] & 15, data[start:]) == (message, number if qos else 0)


@pytest.mark.parametrize(
    ("size", "length"),
    [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\1"), (16_383, b"\xff\x7f"), (16_384, b"\x80\x80\1")],
)
def test_a_length_is_written_as_the_standard_shows(size, length):
    assert packet(Packet.PUBLISH, bytes(size))[1 : 1 + len(length)] == length


@given(st.binary(max_size=40))
def test_no_body_breaks_the_reader(body):
    for read in (read_connect, lambda body: read_publish(2, body)):
        try:
            read(body)
        except ValueError:
            continue
