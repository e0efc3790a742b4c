import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.binary import BinaryDecoder
from livewidget.data.batch import sift
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema

# struct's letter, numpy's, and what may be in it
LETTERS = {
    "b": ("i1", st.integers(-(2**7), 2**7 - 1)),
    "H": ("u2", st.integers(0, 2**16 - 1)),
    "i": ("i4", st.integers(-(2**31), 2**31 - 1)),
    "q": ("i8", st.integers(-(2**63), 2**63 - 1)),
    "Q": ("u8", st.integers(0, 2**64 - 1)),
    "e": ("f2", st.floats(width=16, allow_nan=False)),
    "f": ("f4", st.floats(width=32, allow_nan=False)),
    "d": ("f8", st.floats(allow_nan=False)),
    "?": ("?", st.booleans()),
    "5s": ("S5", st.binary(max_size=5)),
}


@given(
    order=st.sampled_from("<>"),
    letters=st.lists(st.sampled_from(list(LETTERS)), min_size=1, max_size=5),
    sizes=st.lists(st.integers(1, 3), max_size=4),
    data=st.data(),
)
def test_records_are_read_as_struct_reads_them(order, letters, sizes, data):
    dtype = np.dtype([(f"f{n}", order + LETTERS[each][0]) for n, each in enumerate(letters)])
    values = st.tuples(*(LETTERS[each][1] for each in letters))
    packer = struct.Struct(order + "".join(letters))
    messages = [
        b"".join(packer.pack(*data.draw(values)) for _ in range(records)) for records in sizes
    ]
    decoded = BinaryDecoder(dtype).decode(messages)
    expected = [row for message in messages for row in packer.iter_unpack(message)]
    assert (decoded.rows, decoded.rejected) == (len(expected), [])
    columns = list(zip(*expected, strict=True))
    for name, letter, column in zip(dtype.names, letters, columns, strict=bool(columns)):
        got = decoded.columns[name]
        if letter == "5s":
            text = [each.rstrip(b"\0").decode(errors="replace") for each in column]
            assert got.decode().tolist() == text
        else:
            assert got.tolist() == list(column)
            assert got.dtype.isnative


def test_a_message_of_half_a_record_is_rejected_and_moves_no_other():
    decoder = BinaryDecoder([("a", "<i4"), ("b", "<f4")], max_bytes=16)
    whole = struct.pack("<if", 7, 0.5)
    decoded = decoder.decode([whole, whole[:5], b"", whole * 2, whole * 3])
    assert decoded.columns["a"].tolist() == [7, 7, 7]
    reasons = [bad.reason for bad in decoded.rejected]
    assert "5 bytes is no whole number of records of 8 bytes" in reasons[0]
    assert "0 bytes" in reasons[1]
    assert "more than 16 bytes" in reasons[2]


def test_nested_records_and_arrays_are_reached_by_paths_and_else_left_out():
    dtype = np.dtype([("id", "u1"), ("pos", [("x", ">f8"), ("y", ">f8")]), ("v", "<i2", (2, 2))])
    records = np.array(
        [(1, (1.5, 2.5), [[1, 2], [3, 4]]), (2, (3.5, 4.5), [[5, 6], [7, 8]])], dtype
    )
    message = records.tobytes()
    assert list(BinaryDecoder(dtype).decode([message]).columns) == ["id"]
    columns = BinaryDecoder(dtype, fields={"x": "pos.x", "v": "v.1.0"}).decode([message]).columns
    assert columns["x"].tolist() == [1.5, 3.5]
    assert columns["v"].tolist() == [3, 7]
    assert list(BinaryDecoder(dtype, needs=["pos.y"]).decode([message]).columns) == ["id", "pos.y"]


def test_times_of_any_unit_and_bytes_that_are_no_truth_values():
    dtype = np.dtype([("time", ">M8[ms]"), ("ok", "?"), ("pad", "V3"), ("c", "<c16")])
    message = struct.pack(">q", 1_700_000_000_123) + b"\x02" + bytes(3 + 16)
    decoded = BinaryDecoder(dtype).decode([message, b"\x80" + bytes(dtype.itemsize - 1)])
    assert list(decoded.columns) == ["time", "ok"]
    assert decoded.columns["ok"].view(np.uint8).tolist() == [1, 0]
    batch, bad = sift(decoded.columns, Schema.of({"time": "time", "ok": "float"}, "time"))
    assert batch.times.tolist() == [1_700_000_000_123_000_000]
    assert "(NaT)" in bad[0][1]


@pytest.mark.parametrize(
    "dtype",
    ["f8", [("a", "O")], [("a", "V4")], [("a", "U4")], [("a", "M8")], [], [7], [("a", "?!")]],
)
def test_dtypes_of_no_use_are_refused(dtype):
    with pytest.raises(SettingError):
        BinaryDecoder(dtype)


@pytest.mark.parametrize("options", [{"fields": ["b"]}, {"needs": ["b"]}])
def test_fields_that_no_record_has_are_told_beside_those_it_has(options):
    with pytest.raises(SettingError, match="it has none of the fields 'b'; it has 'a'"):
        BinaryDecoder([("a", "f8")], **options)
