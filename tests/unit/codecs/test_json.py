import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.json import JsonDecoder

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "1.5", "é\n", "NaN"])
)
nested = st.lists(scalars, max_size=1) | st.dictionaries(st.sampled_from("xy"), scalars, max_size=1)
names = st.sampled_from(["a", "b", "c", "sp ace", "é"])
records = st.dictionaries(names, scalars | nested, max_size=4)
fragments = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"a"', b'"b"', b":", b",", b"1", b"NaN", b"\n", b" ", b"{}", b"\xff"]
)
messages = st.lists(
    records.map(lambda record: json.dumps(record).encode())
    | st.lists(records, max_size=3).map(lambda rows: json.dumps(rows).encode())
    | st.lists(records, min_size=2, max_size=3).map(
        lambda rows: "\n".join(map(json.dumps, rows)).encode()
    )
    | st.lists(fragments, max_size=6).map(b"".join)
    | st.binary(max_size=12),
    max_size=4,
)


def columns_as_lists(decoded) -> dict[str, list[Any]]:
    return {
        name: [_plain(value) for value in (list(values) if isinstance(values, list) else values)]
        for name, values in decoded.columns.items()
    }


def _plain(value):
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and math.isnan(value) else value


def slow_twin(columns, batch, needs=()):
    """Read each message with the standard library, one row at a time."""
    rows, rejected = [], 0
    for message in batch:
        for value in _values(message):
            for item in value if isinstance(value, list) else [value]:
                if not isinstance(item, dict):
                    rejected += 1
                    continue
                wanted = columns or [name for name in item if not _is_nested(item[name])]
                row = {name: item.get(name) for name in wanted}
                bare = needs and not any(name in item for name in needs)
                if bare or any(map(_is_nested, row.values())) or set(row.values()) <= {None}:
                    rejected += 1
                else:
                    rows.append(row)
    return rows, rejected


def _values(message):
    try:
        return [json.loads(message.decode())]
    except ValueError:
        lines = [line for line in message.splitlines() if line.strip()]
        if len(lines) < 2:
            return ["not JSON"]
        return [value for line in lines for value in _values(line)]


def _is_nested(value):
    return isinstance(value, (dict, list))


@given(
    columns=st.none() | st.lists(names, min_size=1, max_size=3), batch=messages, needy=st.booleans()
)
def test_many_at_once_reads_what_the_slow_twin_reads(columns, batch, needy):
    needs = (columns or ["a", "b"])[:2] if needy else []
    decoded = JsonDecoder(columns, needs=needs).decode(batch)
    rows, rejected = slow_twin(columns, batch, needs)
    assert (decoded.rows, len(decoded.rejected)) == (len(rows), rejected)
    got = columns_as_lists(decoded)
    for name in {name for row in rows for name in row}:
        expected = [row.get(name) for row in rows]
        # A column with nothing in it is left out.
        values = got.get(name, [None] * len(rows))
        assert values == pytest.approx(expected) or values == expected


@given(batch=st.lists(st.binary(max_size=40) | fragments, max_size=20))
def test_any_bytes_are_decoded_or_rejected_and_never_raise(batch):
    decoder = JsonDecoder(["a"])
    together = decoder.decode(batch)
    alone = [decoder.decode([message]) for message in batch]
    assert together.rows == sum(each.rows for each in alone)
    assert together.rejected == [bad for each in alone for bad in each.rejected]


def test_halves_of_messages_are_not_read_as_one():
    halves = [b'{"a":1,"b":[{}', b"{}]}", b'{"a":1}\n{"a":2}', b'{"a":"}', b'{":1}']
    decoded = JsonDecoder(["a"]).decode(halves)
    assert decoded.columns["a"].tolist() == [1, 2]
    assert [bad.payload for bad in decoded.rejected] == [halves[0], halves[1], *halves[3:]]


def test_one_bad_message_is_singled_out_with_its_reason():
    batch = [b'{"a": 1}', b'{"a": ', b'{"a": 3}', b"7", b'{"a": {"x": 1}}', b'{"b": 1}']
    decoded = JsonDecoder(["a"]).decode(batch)
    assert decoded.columns["a"].tolist() == [1, 3]
    reasons = [bad.reason for bad in decoded.rejected]
    assert [bad.payload for bad in decoded.rejected] == [batch[1], 7, {"a": {"x": 1}}, {"b": 1}]
    assert "not JSON" in reasons[0]
    assert "array of objects" in reasons[1]
    assert "$.a" in reasons[2]
    assert reasons[3] == "it has none of the fields 'a'; it has 'b'"


def test_columns_have_the_plainest_dtype_that_is_exact():
    rows = [
        {"i": 1_700_000_000_123_456_789, "f": 1, "b": True, "t": "x", "big": 2**70, "gap": 2**60},
        {"i": 2, "f": 1.5, "b": False, "t": None, "big": 1, "gap": None, "n": 4},
    ]
    columns = JsonDecoder().decode([json.dumps(row).encode() for row in rows]).columns
    assert columns["i"].dtype == np.int64
    assert columns["i"][0] == 1_700_000_000_123_456_789
    assert columns["f"].dtype == np.float64
    assert columns["b"].dtype == np.bool_
    assert columns["t"] == ["x", None]
    assert columns["big"] == [2**70, 1]
    assert columns["gap"] == [2**60, None]
    np.testing.assert_array_equal(columns["n"], [np.nan, 4.0])


def test_python_s_own_nan_and_infinity_are_numbers():
    decoded = JsonDecoder(["a", "b"]).decode([b'{"a": NaN, "b": -Infinity}'])
    np.testing.assert_array_equal(decoded.columns["a"], [np.nan])
    np.testing.assert_array_equal(decoded.columns["b"], [-np.inf])


def test_nested_fields_nobody_asked_for_are_left_out():
    batch = [b'{"a": 1, "deep": {"x": [1]}}', b'{"a": 2, "deep": null}']
    for columns in (None, ["a"]):
        decoded = JsonDecoder(columns).decode(batch)
        assert list(decoded.columns) == ["a"]
        assert decoded.rows == 2
        assert not decoded.rejected


def test_a_message_over_the_bound_is_rejected_and_cut():
    decoded = JsonDecoder(max_bytes=16).decode([b'{"a": 1}', b'{"a": "' + b"x" * 100 + b'"}'])
    assert decoded.rows == 1
    assert len(decoded.rejected[0].payload) == 16
    assert "more than 16 bytes" in decoded.rejected[0].reason


def test_nesting_without_end_is_rejected():
    decoded = JsonDecoder(max_bytes=1 << 20).decode([b'{"a":' * 100_000, b'{"a": 1}'])
    assert (decoded.rows, len(decoded.rejected)) == (1, 1)


@pytest.mark.parametrize("fields", [None, ["a"]])
def test_a_message_with_nothing_in_it_is_rejected(fields):
    batch = [b'{"a": 1}', b"{}", b'{"a": null}', b'{"deep": {"a": 1}}', b"[]"]
    decoded = JsonDecoder(fields).decode(batch)
    assert decoded.columns["a"].tolist() == [1]
    assert len(decoded.rejected) == 3


@pytest.mark.parametrize("fields", [None, ["time", "bid", "ask"]])
def test_a_heartbeat_among_quotes_is_rejected_and_a_quote_of_nothing_is_not(fields):
    batch = [b'{"time": 1, "bid": 5}', b'{"time": 2, "beat": 1}', b'{"time": 3, "bid": null}']
    decoded = JsonDecoder(fields, needs=["bid", "ask"]).decode(batch)
    assert decoded.columns["time"].tolist() == [1, 3]
    np.testing.assert_array_equal(decoded.columns["bid"], [5, np.nan])
    (bad,) = decoded.rejected
    assert bad.payload == json.loads(batch[1])
    assert bad.reason == "it has none of the fields 'bid', 'ask'; it has 'time', 'beat'"


@pytest.mark.parametrize("fields", [None, ["time", "bid", "ask"]])
def test_quotes_of_nothing_alone_have_a_column_with_nothing_in_it(fields):
    decoder = JsonDecoder(fields, needs=["bid", "ask"])
    decoded = decoder.decode([b'{"time": 1, "ask": null}', b'[{"time": 2, "bid": null}]'])
    assert (decoded.rows, decoded.rejected) == (2, [])
    assert np.isnan(decoded.columns["bid"]).all()


def test_a_field_that_no_row_of_a_batch_has_gives_no_column():
    batch = [b'{"a": 1, "note": null}', b'{"a": 2}']
    for fields in (None, ["a", "note", "other"]):
        assert list(JsonDecoder(fields).decode(batch).columns) == ["a"]


def test_equal_faults_have_equal_reasons():
    decoded = JsonDecoder().decode([b'{"a": oops}', b'{"abc": oops}', b"1", b"2"])
    assert len({bad.reason for bad in decoded.rejected}) == 2


def test_rows_as_long_as_the_first_may_have_other_names():
    decoded = JsonDecoder().decode([b'{"a": 1, "b": 2}', b'{"a": 3, "c": 4}'])
    assert columns_as_lists(decoded) == {"a": [1, 3], "b": [2.0, None], "c": [None, 4.0]}


def test_what_is_whole_is_told_apart_at_once(monkeypatch):
    def slow(*_):
        raise AssertionError("each message was read by itself")

    monkeypatch.setattr(JsonDecoder, "_one", slow)
    for messages in (
        [b'{"a": 1}', b'{"a": 2}'],
        [b'[{"a": 1}, {"a": 2}]'],
        [b'{"a": 1}\n{"a": 2}', b'[{"a": 3}]'],
        [b'{"a": 1}\n' * 99 + b'{"a": 2}'],
    ):
        assert JsonDecoder(["a"]).decode(messages).columns["a"][-1] in (2, 3)
