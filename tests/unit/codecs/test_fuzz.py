"""Any bytes at all, and valid messages with faults in them, at every decoder."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewidget.codecs.csv import CsvDecoder
from livewidget.codecs.formats import decoder_for
from livewidget.data.batch import infer_schema, sift
from livewidget.data.errors import SchemaError

RECORD = np.dtype(
    [("a", ">f8"), ("t", "<M8[ms]"), ("k", "S4"), ("ok", "?"), ("in", [("x", "<u8")])]
)
ROWS = [{"a": 1.5, "t": "2026-01-02", "k": "x", "in": {"x": [1, {"y": 2}]}}, {"a": None, "k": "é"}]


def _ipc(compression, *, file=False):
    table = pa.table(
        {
            "a": [1.5, None, 3],
            "k": pa.array(["x", "y", "x"]).dictionary_encode(),
            "s": ["u", "vv", None],
            "t": pa.array([1, 2, None], pa.timestamp("us", "UTC")),
            "in": [{"x": 1}, {"x": 2}, None],
        }
    )
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_file if file else pa.ipc.new_stream
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _function(message):
    shapes = [None, {"a": 1}, [{"a": 2, "k": "x"}, 7], {"a": [1, 2]}, {"a": [1], "k": []}, 3, {}]
    return shapes[message[0] % len(shapes)] if message else 1 / 0


json, pack = msgspec.json.encode, msgspec.msgpack.encode
CASES = {
    "json": ("json", [json(ROWS[0]), json(ROWS), b"\n".join(map(json, ROWS))]),
    "csv": ("csv", [b"a,t,k\n1.5,2026-01-02,x\n,,\xc3\xa9", b'a,k\r\n1,"x,\n""y"\r\n2,z\r\n']),
    "csv without header": (CsvDecoder(["a", "k"], max_bytes=10_000), [b"1.5,x\n2,y", b'3,"z"']),
    "msgpack": ("msgpack", [pack(ROWS[0]), pack(ROWS), pack({"a": msgspec.msgpack.Ext(1, b"")})]),
    "arrow": ("arrow", [_ipc(None), _ipc("zstd"), _ipc("lz4", file=True)]),
    "binary": (RECORD, [bytes(RECORD.itemsize), bytes(range(2 * RECORD.itemsize))]),
    "protobuf": (
        FieldDescriptorProto,
        [FieldDescriptorProto(name="x", number=7, type=1).SerializeToString(), b"\x22\x01\xff"],
    ),
    "protobuf time": (Timestamp, [Timestamp(seconds=5, nanos=7).SerializeToString()]),
    "function": (_function, [b"\1", b"\2", b"\3"]),
}
FIELDS = {
    "json": ["a", "in.x.1.y"],
    "msgpack": ["a", "t", "in.x.1.y"],
    "csv": ["a", "k"],
    "arrow": ["k", "in.x"],
    "binary": ["k", "in.x"],
}
edits = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "delete", "splice"]),
        st.integers(0, 5_000),
        st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=4,
)


def mutated(message, edits, others):
    for kind, place, noise in edits:
        at = place % (len(message) + 1)
        if kind == "flip":
            message = message[:at] + noise + message[at + len(noise) :]
        elif kind == "cut":
            message = message[:at]
        elif kind == "insert":
            message = message[:at] + noise + message[at:]
        elif kind == "delete":
            message = message[:at] + message[at + len(noise) :]
        else:
            other = others[noise[0] % len(others)]
            message = message[:at] + other[place % (len(other) + 1) :]
    return message


def check(decoded):
    """A decoder's answer is whole: columns of one length, which a batch takes or refuses by row."""
    assert {len(values) for values in decoded.columns.values()} <= {decoded.rows}
    assert all(isinstance(bad.reason, str) and bad.reason for bad in decoded.rejected)
    if decoded.rows:
        assert decoded.columns
        try:
            schema = infer_schema(decoded.columns)
        except SchemaError:
            return
        batch, bad = sift(decoded.columns, schema, arrival=0)
        assert len(batch) + len(bad) == decoded.rows


@pytest.mark.parametrize("picked", [False, True], ids=["all", "some"])
@pytest.mark.parametrize("name", CASES)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_bytes_are_rows_or_refusals(name, picked, data):
    form, valid = CASES[name]
    settings = {"fields": FIELDS[name]} if picked and name in FIELDS else {}
    decoder = decoder_for(form, max_bytes=10_000, **settings)
    faulty = st.builds(mutated, st.sampled_from(valid), edits, st.just(valid))
    batch = data.draw(
        st.lists(st.binary(max_size=60) | faulty | st.sampled_from(valid), min_size=1, max_size=4)
    )
    together = decoder.decode(batch)
    check(together)
    alone = [decoder.decode([message]) for message in batch]
    for each in alone:
        check(each)
    # What is read, and what is refused for what reason, does not depend on what is beside it.
    assert together.rows == sum(each.rows for each in alone)
    reasons = sorted(bad.reason for bad in together.rejected)
    assert reasons == sorted(bad.reason for each in alone for bad in each.rejected)


@pytest.mark.parametrize("name", CASES)
def test_valid_messages_are_read(name):
    form, valid = CASES[name]
    decoded = decoder_for(form).decode(valid)
    check(decoded)
    assert decoded.rows >= len(valid) - 1


@pytest.mark.parametrize("name", CASES)
def test_no_message_is_no_row(name):
    decoded = decoder_for(CASES[name][0]).decode([])
    assert (decoded.rows, dict(decoded.columns), decoded.rejected) == (0, {}, [])
