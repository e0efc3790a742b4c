"""After any history a browser's arrays equal the kernel's view, byte for byte."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewidget.wire.pack import PLAIN, SHUFFLED, pack

from ...golden.browser import Store, read_packet
from .history import History, histories
from .node import NodeStores, missing


@pytest.fixture(scope="module")
def node():
    if (reason := missing()) is not None:
        pytest.skip(reason)
    stores = NodeStores()
    yield stores
    stores.close()


def deliver(history, fate, take):
    """Send one frame, a part of which may be lost; a browser that is lost gets a snapshot."""
    packets = history.frame()
    if fate == "lost":
        packets = []
    elif fate == "part lost" and packets:
        packets = packets[1:] or packets[:-1]
    for packet in packets:
        take(packet)


def play(history, steps, take, store):
    for name, *values in steps:
        if name == "frame":
            deliver(history, values[0], take)
            if store.needs_snapshot:
                history.session.ask_snapshot()
        else:
            getattr(history, name)(*values)


def catch_up(history, take, store):
    """Two frames on: the first shows a loss, the second makes up for it."""
    for _ in range(2):
        for packet in history.frame(snapshot=store.needs_snapshot):
            take(packet)
    if store.sequence != history.session.sequence:  # the very last frame was lost: nothing tells
        for packet in history.frame(snapshot=True):
            take(packet)


def arrays(dump):
    """A dump without its chart, generation, sequence."""
    return dump[12:]


def check(steps, history, take, store):
    play(history, steps, take, store)
    catch_up(history, take, store)
    held = store.dump(history.chart)
    assert store.sequence == history.session.sequence
    truth = history.truth()
    assert arrays(held) == arrays(truth.dump(history.chart))
    assert store.names == truth.names
    return held


@settings(max_examples=150, deadline=None)
@given(histories, st.booleans(), st.booleans(), st.sampled_from([400, 3000, 2**20]))
def test_the_slow_browser_equals_the_view(steps, keyed, every, limit):
    store = Store()
    history = History(1, keyed, every, limit)

    def take(packet):
        for part in read_packet(packet)[1]:
            store.take(part)

    check(steps, history, take, store)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    histories,
    st.booleans(),
    st.booleans(),
    st.sampled_from([400, 3000, 2**20]),
    st.sampled_from([None, PLAIN, SHUFFLED]),
)
def test_the_typescript_store_equals_the_view(node, steps, keyed, every, limit, form):
    store, dumps = Store(), [b""]
    history = History(node.new_chart(), keyed, every, limit)

    def take(packet):
        packet = packet if form is None else pack(packet, form)
        for part in read_packet(packet)[1]:
            store.take(part)
        dumps[0] = node.take(packet)
        assert dumps[0] == store.dump(history.chart)

    held = check(steps, history, take, store)
    assert dumps[0] == (held if store.sequence else b"")
