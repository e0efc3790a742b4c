"""Whatever a browser says: it is counted, and never an error."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .rig import Rig

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, -1, 2**32, 10**400, math.nan, math.inf, 1e308, "1", "", "1" * 300]),
    st.floats(),
    st.text(max_size=4),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
KINDS = ("view", "bye", "snapshot", "range", "ack", "saved", "export", "tick", "")
DRAWN = st.fixed_dictionaries({}, optional=dict.fromkeys(("drawn", "draw_ms", "age_ms"), JSON))
FIELDS = {
    "client": st.one_of(st.just("A"), JSON),
    "chart": st.one_of(st.just(1), JSON),
    "view": st.one_of(st.just(1), JSON),
    "width": st.one_of(st.integers(-5, 900), JSON),
    "visible": st.one_of(st.booleans(), JSON),
    "token": st.one_of(st.integers(0, 9), JSON),
    "range": st.one_of(st.lists(st.integers().map(str), min_size=2, max_size=2), JSON),
    "tick": st.one_of(st.integers(0, 9), JSON),
    "sent": st.one_of(st.floats(1, 9), JSON),
    "received": st.one_of(st.floats(1, 9), JSON),
    "now": st.one_of(st.floats(1, 9), JSON),
    "charts": st.one_of(st.dictionaries(st.just("1"), DRAWN), JSON),
    "request": JSON,
    "format": JSON,
}
KIND = {"kind": st.sampled_from(KINDS)}
MESSAGES = st.one_of(
    JSON,
    st.fixed_dictionaries(KIND, optional=FIELDS),
    st.fixed_dictionaries(KIND | FIELDS),
)


def finite(value):
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(MESSAGES, min_size=1, max_size=6))
def test_no_message_raises_or_stops_the_chart(messages):
    rig = Rig()
    rig.chart()
    rig.view("B", view=7)
    for message in messages:
        rig.transport.receive(message, [])
        rig.run(0.04, step=0.04)
        rig.ack("B")
    rig.view("B", view=7)
    rig.transport.clear()
    rig.run(0.2, step=0.1)
    assert rig.transport.of_kind("tick")
    assert all(finite(content) for content, _ in rig.transport.messages)


BAD = [
    None,
    7,
    "view",
    [],
    {},
    {"kind": "dance"},
    {"kind": ["view"]},
    {"kind": "view", "client": "A", "chart": 1, "view": 1, "width": -1, "visible": True},
    {"kind": "view", "client": "A", "chart": 1, "view": 1, "width": 1e9, "visible": True},
    {"kind": "view", "client": "A", "chart": 1, "view": 1, "width": 800, "visible": "yes"},
    {"kind": "view", "client": "A", "chart": 1, "view": 1.5, "width": 800, "visible": True},
    {"kind": "view", "client": "A" * 1000, "chart": 1, "view": 1, "width": 80, "visible": True},
    {"kind": "range", "client": "A", "chart": 1, "token": 1, "range": ["5", "5"]},
    {"kind": "range", "client": "A", "chart": 1, "token": 1, "range": ["5"]},
    {"kind": "range", "client": "A", "chart": 1, "token": 1, "range": ["a", "b"]},
    {"kind": "range", "client": "A", "chart": 1, "token": -1, "range": None},
    {"kind": "ack", "client": "A", "tick": 1, "sent": 1, "received": 1, "now": 1, "charts": []},
    {"kind": "ack", "client": "A", "tick": None, "sent": 1, "received": 1, "now": 1, "charts": {}},
    {
        "kind": "ack",
        "client": "A",
        "tick": 1,
        "sent": 1,
        "received": 1,
        "now": 1,
        "charts": {"1": {"drawn": 1, "draw_ms": "nan", "age_ms": []}},
    },
]


@pytest.mark.parametrize("message", BAD, ids=lambda each: str(each)[:60])
def test_a_malformed_message_is_counted_and_changes_nothing(message, rig):
    session = rig.chart()
    rig.view()
    look = session.viewport
    rig.transport.receive(message, [])
    assert rig.hub.inbox.malformed == 1
    assert session.viewport == look
    assert rig.hub.watched(1)


def test_the_log_is_told_once_a_minute(rig, caplog):
    rig.chart()
    rig.view()
    for _ in range(100):
        rig.say("dance")
    assert len(caplog.records) == 1
    rig.live(61, push=False)
    rig.say("dance")
    assert len(caplog.records) == 2
    assert rig.hub.inbox.malformed == 101


def test_views_and_pages_are_bounded(rig):
    rig.chart()
    for view in range(1100):
        rig.view("A", view=view)
    for client in range(80):
        rig.view(f"page {client}")
    assert len(rig.hub.clients) == 64
    assert all(len(each.views) <= 1024 for each in rig.hub.clients._clients.values())


def test_an_answer_goes_to_who_asked_and_only_once(rig):
    got = []
    rig.hub.inbox.expect("r1", lambda content, buffers: got.append(content["error"]))
    for _ in range(2):
        rig.say("saved", chart=1, request="r1", error="none")
        rig.say("saved", chart=1, request="r2", error="stray")
    assert got == ["none"]


def test_what_was_drawn_reaches_the_monitor(rig):
    rig.chart()
    rig.view()
    rig.live(1)
    for _ in range(3):
        rig.run(1.0)
        rig.ack(charts={"1": {"sequence": 1, "drawn": 25, "draw_ms": 7.5, "age_ms": [30, 40.0]}})
    figures = rig.hub.monitor(1).figures()
    assert figures["fps"] == pytest.approx(25, rel=0.1)
    assert figures["draw_ms"] == 7.5
    assert figures["latency_ms"] == [35.0, 40.0]
