from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.codecs.arrow import UNPACKED, ArrowDecoder
from livewidget.data.batch import Batch, sift
from livewidget.data.schema import Schema
from livewidget.data.text import Text


def ipc(table, *, file=False, compression=None, rows=None):
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression, emit_dictionary_deltas=not file)
    make = pa.ipc.new_file if file else pa.ipc.new_stream
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue().to_pybytes()


def listed(values):
    values = values.decode() if isinstance(values, Text) else values
    return [
        None if isinstance(each, float) and np.isnan(each) else each
        for each in (values.tolist() if isinstance(values, np.ndarray) else values)
    ]


TYPES = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint8(), st.integers(0, 255)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.float16(), st.floats(width=16, allow_nan=False)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.text(max_size=3)),
    (pa.large_string(), st.text(max_size=3)),
    (pa.dictionary(pa.int8(), pa.string()), st.text(max_size=3)),
    (pa.dictionary(pa.uint16(), pa.large_string()), st.text(max_size=3)),
]


@settings(deadline=None)  # the first call loads parts of pyarrow
@given(
    kind=st.sampled_from(TYPES),
    sizes=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    file=st.booleans(),
    compression=st.sampled_from([None, "lz4", "zstd"]),
    data=st.data(),
)
def test_columns_are_what_was_written(kind, sizes, file, compression, data):
    arrow, values = kind
    written = [data.draw(st.lists(st.none() | values, min_size=n, max_size=n)) for n in sizes]
    messages = [
        ipc(pa.table({"a": pa.array(each, arrow)}), file=file, compression=compression, rows=2)
        for each in written
    ]
    decoded = ArrowDecoder().decode(messages)
    assert (decoded.rows, decoded.rejected) == (sum(sizes), [])
    assert listed(decoded.columns["a"]) == [value for each in written for value in each]


def test_text_comes_as_codes_and_dictionaries_that_differ_become_one():
    words = [["b", "a", "b"], ["c", None, "a"], ["b"]]
    kind = pa.dictionary(pa.int32(), pa.string())
    chunks = [pa.array(each).dictionary_encode() for each in words]
    several = pa.table({"k": pa.chunked_array(chunks[:2], kind)})
    messages = [ipc(several), ipc(pa.table({"k": chunks[2]}))]
    text = ArrowDecoder().decode(messages).columns["k"]
    assert isinstance(text, Text)
    assert text.decode().tolist() == ["b", "a", "b", "c", None, "a", "b"]
    assert sorted(text.categories) == ["a", "b", "c"]


def test_a_null_within_a_dictionary_is_missing():
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, None]), pa.array([None, "x"]))
    text = ArrowDecoder().decode([ipc(pa.table({"k": array}))]).columns["k"]
    assert text.decode().tolist() == [None, "x", None, None]


def test_whole_numbers_beside_nulls_are_not_rounded():
    columns = ArrowDecoder().decode([ipc(pa.table({"a": [2**53 + 1, None]}))]).columns
    assert columns["a"] == [2**53 + 1, None]


def test_times_dates_and_decimals_pass_into_a_batch():
    now = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    table = pa.table(
        {
            "time": pa.array([now, now + timedelta(1)], pa.timestamp("us", "Europe/Berlin")),
            "day": pa.array([now.date(), None], pa.date32()),
            "price": pa.array([Decimal("1.25"), None], pa.decimal128(9, 2)),
        }
    )
    columns = ArrowDecoder().decode([ipc(table)]).columns
    kinds = {"time": "time", "day": "time", "price": "float"}
    batch, bad = sift(columns, Schema.of(kinds, "time"))
    assert not bad
    assert batch.times[0] == 1767323045678901000
    np.testing.assert_array_equal(batch["price"], [1.25, np.nan])


def test_a_batch_comes_back_as_it_was():
    times = np.array([1, 2], dtype="datetime64[ns]")
    batch = Batch.of({"time": times, "p": [1.5, np.nan], "k": ["x", None]})
    decoded = ArrowDecoder().decode([ipc(pa.table(batch))])
    again, bad = sift(decoded.columns, batch.schema)
    assert not bad
    np.testing.assert_equal(list(again.rows()), list(batch.rows()))


def test_structs_are_reached_by_paths_and_what_is_no_column_is_left_out():
    table = pa.table(
        {
            "data": pa.array([{"price": 1.5, "in": {"x": 1}}, None, {"price": 2.5, "in": None}]),
            "data.price": pa.array([7, 8, 9]),
            "list": [[1], [2], []],
            "nothing": pa.nulls(3),
            "raw": [b"x", b"", b"y"],
            "a": [1, 2, 3],
        }
    )
    message = ipc(table)
    assert list(ArrowDecoder().decode([message]).columns) == ["data.price", "a"]
    fields = {"p": "data.price", "x": "data.in.x", "none": "data.out", "l": "list", "r": "raw"}
    columns = ArrowDecoder(fields=fields).decode([message]).columns
    assert list(columns) == ["p", "x"]
    assert columns["p"].tolist() == [7, 8, 9]
    assert listed(columns["x"]) == [1, None, None]
    deep = ArrowDecoder(fields=["data.price"]).decode([ipc(table.remove_column(1))])
    np.testing.assert_array_equal(deep.columns["data.price"], [1.5, np.nan, 2.5])


def test_messages_of_different_schemas_keep_their_order():
    tables = [{"a": [1], "b": ["x"]}, {"a": [2.5]}, {"a": [3], "b": ["y"]}]
    decoded = ArrowDecoder().decode([ipc(pa.table(each)) for each in tables])
    assert decoded.columns["a"].tolist() == [1, 2.5, 3]
    assert decoded.columns["b"].decode().tolist() == ["x", None, "y"]


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("file", [False, True])
def test_a_bomb_is_refused_before_it_is_unpacked(compression, file):
    small = ipc(pa.table({"a": [1.5]}), compression=compression)
    bomb = ipc(pa.table({"a": np.zeros(200_000)}), compression=compression, file=file)
    hidden = ipc(
        pa.table({"k": pa.DictionaryArray.from_arrays([0], pa.array(["x" * 2_000_000]))}),
        compression=compression,
    )
    before = pa.total_allocated_bytes()
    decoded = ArrowDecoder(max_bytes=20_000).decode([bomb, small, hidden])
    assert pa.total_allocated_bytes() - before < 100_000
    assert decoded.columns["a"].tolist() == [1.5]
    reason = f"a message that decompresses to more than {UNPACKED * 20_000} bytes"
    assert [bad.reason for bad in decoded.rejected] == [reason] * 2


def test_what_is_no_stream_is_rejected_with_its_reason():
    good = ipc(pa.table({"a": [1, 2]}))
    bad = [b"", b"ARROW1\0\0", b"not arrow", good[:-100], good[8:], b"\xff" * 5_000]
    other = ipc(pa.table({"list": [[1]]}))
    lacking = ipc(pa.table({"b": [1]}))
    decoded = ArrowDecoder(needs=["a"], max_bytes=4_000).decode([*bad, good, other, lacking])
    assert decoded.columns["a"].tolist() == [1, 2]
    reasons = [each.reason for each in decoded.rejected]
    assert all(reason.startswith("not Arrow IPC") for reason in reasons[:5])
    assert "more than 4000 bytes" in reasons[5]
    assert reasons[6:] == [f"it has none of the fields 'a'; it has {n!r}" for n in ("list", "b")]


def test_codes_and_offsets_that_lead_out_are_refused():
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 9]), pa.array(["x"]), safe=False)
    right, wrong = (np.array([0, 1, end], dtype=np.int32).tobytes() for end in (2, 10**6))
    offsets = ipc(pa.table({"k": ["a", "b"]}))
    before, found, after = offsets.rpartition(right)
    assert found
    batch = [ipc(pa.table({"k": codes})), before + wrong + after]
    decoded = ArrowDecoder().decode(batch)
    assert (decoded.rows, len(decoded.rejected)) == (0, 2)
