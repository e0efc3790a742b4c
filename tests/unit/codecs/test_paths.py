import json
import math
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.json import JsonDecoder
from livewidget.codecs.msgpack import MsgpackDecoder
from livewidget.codecs.paths import MOST_INDEX, MOST_STEPS, beside
from livewidget.data.errors import SettingError

FORMATS = {
    "json": (JsonDecoder, lambda value: json.dumps(value).encode()),
    "msgpack": (MsgpackDecoder, msgspec.msgpack.encode),
}
both = pytest.mark.parametrize("name", FORMATS)
keys = st.sampled_from(["a", "b", "0", "1", "a.b", "a.0"])
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, "x", ""])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
paths = st.lists(keys, min_size=1, max_size=3).map(".".join)
messages = st.lists(
    st.dictionaries(keys, values, max_size=3)
    | st.lists(st.dictionaries(keys, values, max_size=2), max_size=2)
    | scalars,
    max_size=4,
)


def walked(item, key):
    """Return (whether it is there, the value) of a path, step by step; the whole key goes first."""
    if item.get(key) is not None:
        return True, item[key]
    at = item
    for step in key.split("."):
        if isinstance(at, dict) and step in at:
            at = at[step]
        elif isinstance(at, list) and step.isdigit() and int(step) < len(at):
            at = at[int(step)]
        else:
            return key in item, None
    return True, at


def slow_twin(fields, batch, needs):
    rows, rejected = [], []
    needs = [name for name in needs if name in fields] or list(fields)
    for message in batch:
        for item in message if isinstance(message, list) else [message]:
            found = (
                {name: walked(item, key) for name, key in fields.items()}
                if isinstance(item, dict)
                else {}
            )
            row = {name: value for name, (_, value) in found.items()}
            lacking = not any(found[name][0] for name in needs if found)
            nested = any(isinstance(value, (dict, list)) for value in row.values())
            if lacking or nested or all(value is None for value in row.values()):
                rejected.append(item)
            else:
                rows.append(row)
    return rows, rejected


def plain(value):
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and math.isnan(value) else value


@both
@given(fields=st.dictionaries(paths, paths, min_size=1, max_size=4), batch=messages, data=st.data())
def test_paths_find_what_walking_finds(name, fields, batch, data):
    make, encode = FORMATS[name]
    needs = data.draw(st.lists(st.sampled_from([*fields, "other"]), max_size=2))
    decoded = make(fields, needs=needs).decode([encode(message) for message in batch])
    rows, rejected = slow_twin(fields, batch, needs)
    assert decoded.rows == len(rows)
    assert [bad.payload for bad in decoded.rejected] == rejected
    for column in fields:
        expected = [row[column] for row in rows]
        got = decoded.columns.get(column, [None] * len(rows))
        assert [plain(value) for value in got] == expected


@both
def test_a_usual_feed_is_read_in_one_call(name, monkeypatch):
    make, encode = FORMATS[name]
    decoder = make(["data.price", "data.book.bids.0.1", "data.id"], needs=["data.price"])
    monkeypatch.setattr(decoder, "_each", None)
    book = {"bids": [[1.5, 10], [1.25, 20]], "asks": []}
    batch = [
        encode({"channel": "x", "data": {"price": 2.5 + n, "id": "k", "book": book}})
        for n in range(3)
    ]
    columns = decoder.decode(batch).columns
    assert columns["data.price"].tolist() == [2.5, 3.5, 4.5]
    assert columns["data.book.bids.0.1"].tolist() == [10, 10, 10]
    assert columns["data.id"] == ["k"] * 3


@both
def test_the_key_as_it_stands_goes_before_its_steps(name):
    make, encode = FORMATS[name]
    batch = [{"a.b": 1, "a": {"b": 2}}, {"a": {"b": 3}}, {"a.b": None, "a": {"b": 4}}, {"a.b": 5}]
    messages = [encode(each) for each in batch]
    for others in ([], [b"\xc1"]):  # many at once, and each by itself
        columns = make({"x": "a.b"}).decode([*messages, *others]).columns
        assert columns["x"].tolist() == [1, 3, 4, 5]


@both
def test_a_key_beside_places_is_none_of_them(name):
    make, encode = FORMATS[name]
    batch = [{"a": [7, 8]}, {"a": {"x": 9}}]
    columns = make({"x": "a.x", "y": "a.0"}).decode([encode(each) for each in batch]).columns
    np.testing.assert_array_equal(columns["x"], [np.nan, 9])
    np.testing.assert_array_equal(columns["y"], [7, np.nan])


@both
def test_a_path_among_the_needs_is_found_though_all_fields_are_kept(name):
    make, encode = FORMATS[name]
    batch = [{"a": 1, "data": {"price": 5}}, {"a": 2}, {"data": {"price": 6}}, {"data": []}]
    decoded = make(needs=["data.price"]).decode([encode(each) for each in batch])
    assert decoded.columns["data.price"].tolist() == [5, 6]
    np.testing.assert_array_equal(decoded.columns["a"], [1, np.nan])
    reasons = [bad.reason for bad in decoded.rejected]
    assert reasons == [
        "it has none of the fields 'data.price'; it has 'a'",
        "it has none of the fields 'data.price'; it has 'data'",
    ]


@both
def test_a_subscription_s_answer_without_the_path_is_told_what_it_has(name):
    make, encode = FORMATS[name]
    decoded = make(["data.price"]).decode([encode({"event": "ok", "data": "subscribed"})])
    (bad,) = decoded.rejected
    assert bad.reason == "it has none of the fields 'data.price'; it has 'event', 'data'"


@pytest.mark.parametrize(
    "fields",
    [
        *("price", b"price", 7, [7], {"a": 7}, {7: "a"}, {"price"}),
        *([f"bids.{MOST_INDEX + 1}"], [".".join("a" * (MOST_STEPS + 1))], {"a": 'no "quotes"'}),
    ],
)
def test_fields_that_are_none_are_refused_at_the_door(fields):
    with pytest.raises(SettingError):
        JsonDecoder(fields)


def test_msgpack_s_own_types_are_times_or_left_out():
    now = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    rows = [{"t": now, "raw": b"\xff", "ext": msgspec.msgpack.Ext(5, b"x"), "a": 1}]
    batch = [msgspec.msgpack.encode(row) for row in rows]
    decoded = MsgpackDecoder().decode(batch)
    assert decoded.columns["t"] == [now]
    assert list(decoded.columns) == ["t", "a"]
    asked = MsgpackDecoder(["raw", "a"]).decode(batch)
    assert "$.raw" in asked.rejected[0].reason
    assert MsgpackDecoder(["t"]).decode(batch).columns["t"] == [now]


def test_msgpack_keys_that_are_no_text_are_refused_where_all_are_kept():
    batch = [msgspec.msgpack.encode({1: 2}), msgspec.msgpack.encode({1: 2, "a": 3})]
    assert len(MsgpackDecoder().decode(batch).rejected) == 2
    assert MsgpackDecoder(["a"]).decode(batch).columns["a"].tolist() == [3]


@given(cut=st.integers(0, 30), rows=st.integers(1, 4))
def test_msgpack_messages_are_never_read_as_one_another_s_parts(cut, rows):
    whole = b"".join(msgspec.msgpack.encode({"a": n, "b": [n, {"c": "x"}]}) for n in range(rows))
    halves = [whole[:cut], whole[cut:]]
    decoder = MsgpackDecoder(["a"])
    alone = [decoder.decode([half]) for half in halves]
    together = decoder.decode(halves)
    assert together.rows == sum(each.rows for each in alone)
    assert together.rejected == [bad for each in alone for bad in each.rejected]


def test_lengths_that_lie_cost_nothing():
    lies = [b"\xdd\x7f\xff\xff\xff", b"\x81\xa1a\xdd\x7f\xff\xff\xff", b"\xdf\x7f\xff\xff\xff"]
    for fields in (None, ["a"], ["a.b"], ["a.0"]):
        decoded = MsgpackDecoder(fields).decode([*lies, b"\x91" * 100_000])
        assert (decoded.rows, len(decoded.rejected)) == (0, 4)


tokens = st.sampled_from([b'{"a":1}', b"{}", b"[]", b" ", b"\t", b"\n", b"\r\n"])


@given(glued=st.lists(tokens, max_size=6).map(b"".join))
def test_json_values_glued_together_are_refused_whatever_is_beside_them(glued):
    messages = [glued, b'{"a":2}', b'{\n"a":3}', b'{"a":4}\n{"a":5}']
    decoder = JsonDecoder(["a"])
    together = decoder.decode(messages)
    assert together.rows == sum(decoder.decode([message]).rows for message in messages)
    assert JsonDecoder(["a"]).decode([b'{"a":1} {"a":2}', *messages[2:]]).rows == 3


@both
def test_what_is_wrong_where_nobody_looks_is_judged_alike_alone_and_among_others(name):
    make, encode = FORMATS[name]
    decoder = make(["a"])
    batch = [encode({"a": 1, "b": "?"}), encode({"b": "?"}), encode({"a": 2})]
    batch = [message.replace(b"?", b"\xff") for message in batch]
    for messages in (batch, [*batch, b"\xc1"]):
        decoded = decoder.decode(messages)
        assert decoded.columns["a"].tolist() == [1, 2]
        assert decoded.rejected[0].payload == batch[1]
        assert "utf-8" in decoded.rejected[0].reason.lower()


def test_one_field_more():
    assert beside(None, "id") is None
    assert beside(("a",), "id") == {"a": "a", "id": "id"}
    assert beside({"p": "data.price"}, "id") == {"id": "id", "p": "data.price"}
    with pytest.raises(SettingError):
        beside("price", "id")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" "])
@pytest.mark.parametrize("fields", [None, ["a"]])
def test_lines_with_their_ends_are_read_in_one_call(end, fields, monkeypatch):
    decoder = JsonDecoder(fields)
    monkeypatch.setattr(decoder, "_each", None)
    lines = end.strip(b" ") or b"\n"
    messages = [b'{"a":1}' + lines + b'{"a":2}' + end, b'{"a":3}', b' {"a":4}' + end]
    assert decoder.decode(messages).columns["a"].tolist() == [1, 2, 3, 4]
