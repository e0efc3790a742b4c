import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.csv import CsvDecoder
from livewidget.data.batch import sift
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema

cells = st.text(st.sampled_from('ab1.-e_ ,;"\n\ré'), max_size=4) | st.sampled_from(["1.5", "7", ""])
tables = st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=4)
quoting = st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])


def written(rows, delimiter=",", quote=csv.QUOTE_MINIMAL, end="\r\n"):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quote, lineterminator=end).writerows(rows)
    return out.getvalue().encode()


def number(cell):
    """Return the number that a cell is, the cell itself where it is none."""
    for kind in (int, float):
        try:
            return cell if "_" in cell else kind(cell)
        except ValueError:
            continue
    return cell


def slow_column(column):
    values = [number(cell) if cell else None for cell in column]
    known = [value for value in values if value is not None]
    texts = [value for value in known if isinstance(value, str)]
    if texts and 2 * len(texts) >= len(known):
        return [cell or None for cell in column]
    return values


def plain(values):
    values = values.tolist() if isinstance(values, np.ndarray) else values
    return [None if isinstance(v, float) and math.isnan(v) else v for v in values]


@given(
    batch=st.lists(tables, max_size=4),
    delimiter=st.sampled_from(",;\t"),
    quote=quoting,
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_lines_are_read_as_python_s_own_reader_reads_them(batch, delimiter, quote, end):
    names = ["a", "b"]
    messages = [written(rows, delimiter, quote, end) for rows in batch]
    decoded = CsvDecoder(names, delimiter=delimiter).decode(messages)
    rows = [
        row
        for message in messages
        for row in csv.reader(io.StringIO(message.decode(), newline=""), delimiter=delimiter)
        if row
    ]
    good = [row for row in rows if len(row) == 2 and any(row)]
    assert decoded.rows == len(good)
    assert len(decoded.rejected) == len(rows) - len(good)
    for place, name in enumerate(names):
        expected = slow_column([row[place] for row in good])
        assert plain(decoded.columns.get(name, [])) == expected


def test_the_first_line_of_each_message_is_its_header():
    messages = [b"time,price\n1,2.5\n2,3.5\n", b"price,time,note\r\n4.5,3,x\r\n", b"time,price"]
    decoded = CsvDecoder().decode(messages)
    assert (decoded.rows, decoded.rejected) == (3, [])
    assert decoded.columns["time"].tolist() == [1, 2, 3]
    assert decoded.columns["price"].tolist() == [2.5, 3.5, 4.5]
    assert decoded.columns["note"] == [None, None, "x"]


def test_a_column_may_be_called_otherwise_than_in_the_header():
    decoder = CsvDecoder(fields={"price": "Last Px", "size": "Qty"})
    decoded = decoder.decode([b"Last Px,Other\n2.5,1\n", "\ufeffOther,Qty\n1,5\n".encode()])
    np.testing.assert_array_equal(decoded.columns["price"], [2.5, np.nan])
    np.testing.assert_array_equal(decoded.columns["size"], [np.nan, 5])


def test_what_cannot_be_read_is_rejected_singly_with_its_reason():
    messages = [b"1,2\n3\n4,5", b"\xff,1", b'"open,1', b'6,7\n"x"y,8', b"", b"\n", b",", b"9,10"]
    decoded = CsvDecoder(["a", "b"], max_bytes=40).decode([*messages, b"1" * 41])
    assert decoded.columns["a"].tolist() == [1, 4, 6, 9]
    reasons = [bad.reason for bad in decoded.rejected]
    assert reasons[0] == "a line of 1 cells where 2 are expected"
    assert reasons[1] == "not text in UTF-8"
    assert reasons[2].startswith("not CSV: unexpected end of data")
    assert reasons[3].startswith("not CSV: ")
    assert reasons[4:6] == ["there is no line in the message"] * 2
    assert reasons[6] == "there is nothing in the line"
    assert reasons[7] == "a message of more than 40 bytes"
    assert len(reasons) == 8


def test_headers_of_no_use_are_rejected():
    decoder = CsvDecoder(fields=["time", "bid"], needs=["bid"])
    decoded = decoder.decode([b"bid,bid\n1,2", b"time,ask\n1,2", b"bid\n5"])
    assert decoded.columns["bid"].tolist() == [5]
    assert [bad.reason for bad in decoded.rejected] == [
        "two columns are called 'bid'",
        "it has none of the fields 'bid'; it has 'time', 'ask'",
    ]


def test_nanoseconds_stay_exact_and_codes_with_zeros_stay_text():
    lines = b"1700000000123456789,00501,1.5\n,00502,2\n1700000000123456790,7,3"
    columns = CsvDecoder(["time", "zip", "x"], text=["zip"]).decode([lines]).columns
    assert columns["time"] == [1700000000123456789, None, 1700000000123456790]
    assert columns["zip"] == ["00501", "00502", "7"]
    assert columns["x"].dtype == np.float64
    assert CsvDecoder(["n"]).decode([b"9007199254740993\n1.5"]).columns["n"] == [2**53 + 1, 1.5]
    assert CsvDecoder(["n"]).decode([b"1\n-2"]).columns["n"].dtype == np.int64


def test_text_among_numbers_costs_its_row_and_no_other():
    decoded = CsvDecoder(["time", "price"]).decode([b"1,2.5\n2,oops\n3,3.5\n4,"])
    schema = Schema.of({"time": "time", "price": "float"}, "time")
    batch, bad = sift(decoded.columns, schema)
    np.testing.assert_array_equal(batch["price"], [2.5, 3.5, np.nan])
    assert [row["price"] for row, _ in bad] == ["oops"]
    assert CsvDecoder(["a"]).decode([b"x\n1\ny"]).columns["a"] == ["x", "1", "y"]


def test_times_as_text_become_times():
    decoded = CsvDecoder(["time", "p"]).decode([b"2026-01-02T03:04:05.5Z,1", b"2026-01-02,2"])
    batch, bad = sift(decoded.columns, Schema.of({"time": "time", "p": "float"}, "time"))
    assert (batch.times.tolist(), bad) == ([1767323045500000000, 1767312000000000000], [])


@pytest.mark.parametrize(
    "options",
    [{"columns": "ab"}, {"columns": []}, {"columns": ["a", "a"]}, {"columns": [1]}]
    + [{"delimiter": each} for each in ("", ",,", '"', "\n")]
    + [{"columns": ["a"], "fields": ["b"]}, {"columns": ["a"], "needs": ["b"]}],
)
def test_settings_that_cannot_be_are_refused(options):
    with pytest.raises(SettingError):
        CsvDecoder(**options)
