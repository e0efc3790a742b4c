import csv
import datetime as dt
import io
import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.encode import CsvEncoder, JsonEncoder, Lines, MsgpackEncoder, encoder_for
from livewidget.codecs.json import JsonDecoder
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema
from livewidget.data.text import Text

SCHEMA = Schema.of(
    {"time": "time", "a b": "float", "n": "int", "né": "text", "seen": "time"}, "time"
)
NAT = np.iinfo(np.int64).min
nanoseconds = st.integers(-(2**62), 2**62)
texts = st.none() | st.text(st.characters(codec="utf-8"), max_size=5)
rows = st.lists(
    st.tuples(
        nanoseconds,
        st.floats(),
        st.integers(-(2**63), 2**63 - 1),
        texts,
        nanoseconds | st.just(NAT),
    ),
    max_size=5,
)


def batch_of(table):
    columns = [list(column) for column in zip(*table, strict=True)] or [[]] * 5
    kinds = [np.int64, np.float64, np.int64, None, np.int64]
    made = [
        Text.encode(column) if kind is None else np.array(column, dtype=kind)
        for column, kind in zip(columns, kinds, strict=True)
    ]
    return Batch(SCHEMA, tuple(made))


def iso(nanoseconds):
    """The standard library's way, which knows microseconds: the rest is put on by hand."""
    if nanoseconds == NAT:
        return None
    seconds, rest = divmod(nanoseconds, 10**9)
    day = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    return f"{day:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def slow_twin(table, *, times="iso", finite=True):
    def number(value):
        return None if math.isnan(value) or (finite and math.isinf(value)) else value

    def moment(value):
        return iso(value) if times == "iso" else (None if value == NAT else value)

    return [
        {"time": moment(time), "a b": number(x), "n": n, "né": text, "seen": moment(seen)}
        for time, x, n, text, seen in table
    ]


@given(rows, st.sampled_from(["iso", "ns"]))
def test_json_says_what_the_standard_library_reads(table, times):
    messages = JsonEncoder(times).encode(batch_of(table))
    assert [json.loads(each) for each in messages] == slow_twin(table, times=times)
    assert not [each for each in messages if b"\n" in each]


@given(rows, st.sampled_from(["iso", "ns"]))
def test_messagepack_says_the_same_and_infinities_too(table, times):
    messages = MsgpackEncoder(times).encode(batch_of(table))
    expected = slow_twin(table, times=times, finite=False)
    assert [msgspec.msgpack.decode(each) for each in messages] == expected


@given(rows)
def test_csv_is_read_back_by_the_standard_library(table):
    encoder = CsvEncoder()
    lines = [encoder.header(SCHEMA), *encoder.encode(batch_of(table))]
    read = list(csv.reader(io.StringIO("\n".join(map(bytes.decode, lines)), newline="")))
    expected = [
        ["" if value is None else str(value) for value in row.values()]
        for row in slow_twin(table, finite=False)
    ]
    assert read == [list(SCHEMA.names), *expected]


@given(rows)
def test_ndjson_is_one_message_of_the_same_lines(table):
    batch = batch_of(table)
    each = JsonEncoder().encode(batch)
    assert Lines(JsonEncoder()).encode(batch) == ([b"\n".join(each)] if each else [])


def test_what_is_encoded_is_decoded_to_the_same_batch():
    batch = Batch.of({"time": [1.7e9, 1.7e9 + 1e-6], "y": [1.5, math.nan], "s": ["a", None]})
    decoded = JsonDecoder().decode(encoder_for("json").encode(batch))
    again = Batch.of(decoded.columns, batch.schema)
    assert list(map(repr, again.rows())) == list(map(repr, batch.rows()))


def test_an_encoder_is_taken_as_it_is_and_a_wrong_word_is_named():
    mine = CsvEncoder()
    assert encoder_for(mine) is mine
    with pytest.raises(SettingError, match="'csv', 'msgpack' or an Encoder, got 'xml'"):
        encoder_for("xml")
    with pytest.raises(SettingError, match="times is 'iso' or 'ns', got 'utc'"):
        encoder_for("json", times="utc")


@pytest.mark.parametrize("form", ["json", "csv", "msgpack"])
def test_half_a_character_refuses_no_batch(form):
    odd = Batch.of({"time": [1, 2], "text": ["a\ud800", "é"]})
    sound = Batch.of({"time": [1, 2], "text": ["a?", "é"]})
    assert encoder_for(form).encode(odd) == encoder_for(form).encode(sound)
