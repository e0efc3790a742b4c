import sys

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from livewidget.codecs import columns
from livewidget.codecs.arrow import ArrowDecoder
from livewidget.codecs.base import MOST_REFUSALS
from livewidget.codecs.binary import BinaryDecoder
from livewidget.codecs.columns import MOST_FIELDS
from livewidget.codecs.csv import CsvDecoder
from livewidget.codecs.formats import decoder_for
from livewidget.codecs.function import FunctionDecoder
from livewidget.codecs.json import JsonDecoder
from livewidget.codecs.msgpack import MsgpackDecoder
from livewidget.codecs.protobuf import ProtobufDecoder
from livewidget.data.errors import MissingExtraError, SettingError

RECORD = np.dtype([("a", "<f8"), ("b", "<i4")])


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("json", JsonDecoder),
        ("ndjson", JsonDecoder),
        ("csv", CsvDecoder),
        ("msgpack", MsgpackDecoder),
        ("arrow", ArrowDecoder),
        (RECORD, BinaryDecoder),
        ([("a", "<f8")], BinaryDecoder),
        ({"names": ["a"], "formats": ["<f8"]}, BinaryDecoder),
        (Timestamp, ProtobufDecoder),
        (lambda message: {"a": len(message)}, FunctionDecoder),
        (msgspec.json.decode, FunctionDecoder),
    ],
)
def test_what_a_form_stands_for(form, kind):
    assert isinstance(decoder_for(form), kind)


def test_a_decoder_is_itself():
    decoder = CsvDecoder(["a"])
    assert decoder_for(decoder, fields=["b"]) is decoder


@pytest.mark.parametrize(
    "form", ["xml", "JSON", b"json", 7, None, object(), JsonDecoder, "f8,f8", Timestamp()]
)
def test_what_is_no_form_is_told_what_is(form):
    with pytest.raises(SettingError, match="'json', 'ndjson', 'csv', 'msgpack', 'arrow'"):
        decoder_for(form)


def arrow(data):
    sink = pa.BufferOutputStream()
    table = pa.table(data)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("json", b'{"a": 1.5, "b": 2}'),
        ("csv", b"a,b\n1.5,2"),
        ("msgpack", msgspec.msgpack.encode({"a": 1.5, "b": 2})),
        ("arrow", arrow({"a": [1.5], "b": [2]})),
        (RECORD, np.array([(1.5, 2)], RECORD).tobytes()),
        (lambda message: {"a": 1.5, "b": 2}, b"x"),
        (lambda message: {"a": [1.5], "b": [2]}, b"x"),
    ],
)
def test_one_meaning_of_fields_needs_and_bound_for_all(form, message):
    assert set(decoder_for(form).decode([message]).columns) == {"a", "b"}
    picked = decoder_for(form, fields={"x": "a"}, needs=["x"]).decode([message, message])
    assert {name: list(values) for name, values in picked.columns.items()} == {"x": [1.5, 1.5]}
    assert (picked.rows, picked.rejected) == (2, [])
    small = decoder_for(form, max_bytes=len(message) - 1).decode([message])
    assert (small.rows, small.columns) == (0, {})
    assert f"more than {len(message) - 1} bytes" in small.rejected[0].reason
    assert len(small.rejected[0].payload) == len(message) - 1


@pytest.mark.parametrize(
    ("form", "package"), [("arrow", "pyarrow"), (Timestamp, "google.protobuf.message")]
)
def test_a_package_that_is_not_there_is_named_with_its_extra(form, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match="livewidget\\["):
        decoder_for(form)


@pytest.mark.parametrize("form", ["json", "csv", "msgpack", "arrow"])
def test_a_message_of_very_many_fields_is_refused_unless_some_are_wanted(form):
    row = dict.fromkeys([f"f{n}" for n in range(MOST_FIELDS + 1)], 1.5)
    encode = {
        "json": msgspec.json.encode,
        "msgpack": msgspec.msgpack.encode,
        "csv": lambda row: f"{','.join(row)}\n{','.join(map(str, row.values()))}".encode(),
        "arrow": lambda row: arrow({name: [value] for name, value in row.items()}),
    }[form]
    narrow = encode(dict(list(row.items())[:MOST_FIELDS]))
    decoded = decoder_for(form).decode([encode(row), narrow])
    assert (decoded.rows, len(decoded.columns)) == (1, MOST_FIELDS)
    assert f"more than {MOST_FIELDS} " in decoded.rejected[0].reason
    if form != "csv":
        assert decoder_for(form, fields=["f7"]).decode([encode(row)]).rows == 1


@pytest.mark.parametrize(
    "form", ["json", "csv", "msgpack", lambda message: {message.decode(): [1]}]
)
def test_messages_with_names_of_their_own_do_not_grow_by_the_square(form, monkeypatch):
    monkeypatch.setattr(columns, "MOST_CELLS", 1_000)
    encode = {"json": msgspec.json.encode, "msgpack": msgspec.msgpack.encode}.get(form)
    if form == "csv":
        batch = [f"f{n}\n1".encode() for n in range(100)]
    elif encode is None:
        batch = [f"f{n}".encode() for n in range(100)]
    else:
        batch = [encode({f"f{n}": 1}) for n in range(100)]
    decoded = decoder_for(form).decode(batch)
    assert (decoded.rows, len(decoded.columns), decoded.rejected) == (100, 10, [])


@pytest.mark.parametrize("bare", [{}, {"a": None}, 7])
@pytest.mark.parametrize("fields", [None, ["a"]])
@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "msgpack"])
def test_a_message_of_rows_without_end_that_cannot_be_read_is_given_up(form, fields, bare):
    rows = [{"a": 1}, *[bare] * (3 * MOST_REFUSALS)]
    message = {
        "json": msgspec.json.encode,
        "ndjson": lambda rows: b"\n".join(map(msgspec.json.encode, rows)),
        "msgpack": msgspec.msgpack.encode,
        "csv": lambda rows: b"a,b\n1,2" + b"\n," * (len(rows) - 1),
    }[form](rows)
    decoded = decoder_for(form, fields=fields).decode([message, message])
    assert decoded.columns["a"].tolist() == [1, 1]
    assert len(decoded.rejected) == 2 * (MOST_REFUSALS + 1)
    assert "the rest of it is left" in decoded.rejected[MOST_REFUSALS].reason
    assert decoded.rejected[-1].payload == message
