import pytest

from livewidget.testing import RecordingTransport


def test_it_keeps_copies_of_what_is_sent():
    transport, buffer = RecordingTransport(), bytearray(b"one")
    transport.send({"kind": "tick"}, [memoryview(buffer)])
    buffer[:] = b"two"
    assert transport.of_kind("tick") == [({"kind": "tick"}, [b"one"])]
    assert transport.of_kind("closed") == []
    transport.clear()
    assert transport.messages == []


def test_it_is_bounded_and_counts_what_it_forgot():
    transport = RecordingTransport(most=2)
    for tick in range(5):
        transport.send({"tick": tick}, [])
    assert [content["tick"] for content, _ in transport.messages] == [3, 4]
    assert transport.forgotten == 3


def test_it_plays_the_browser():
    transport, heard = RecordingTransport(), []
    with pytest.raises(RuntimeError, match="no handler"):
        transport.receive({"kind": "ack"})
    transport.handler = lambda content, buffers: heard.append((content, buffers))
    transport.receive({"kind": "ack"})
    assert heard == [({"kind": "ack"}, [])]
    assert not transport.deaf()
    transport.stop_ears()
    assert transport.deaf()
