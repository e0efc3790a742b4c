from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from livewidget.codecs.function import FunctionDecoder
from livewidget.data.batch import Batch, sift
from livewidget.data.schema import Schema
from livewidget.data.text import Text


def returning(*results, **settings):
    """Return a decoder whose function gives these, one a message, and the messages for it."""
    decoder = FunctionDecoder(lambda message: results[int(message)], **settings)
    return decoder.decode([str(place).encode() for place in range(len(results))])


def test_a_row_rows_or_nothing():
    decoded = returning({"a": 1}, None, [{"a": 2}, {"a": 3, "k": "x"}], [], {"a": np.float64(4.5)})
    assert decoded.columns["a"].tolist() == [1, 2, 3, 4.5]
    assert decoded.columns["k"] == [None, None, "x", None]
    assert (decoded.rows, decoded.rejected) == (4, [])


@pytest.mark.parametrize(
    "table",
    [
        {"a": [1, 2], "k": ["x", None]},
        {"a": np.array([1, 2]), "k": Text.encode(["x", None])},
        pd.DataFrame({"a": [1, 2], "k": ["x", None]}),
        pd.DataFrame({"a": [1, 2], "k": pd.Categorical(["x", None])}),
        pa.table({"a": [1, 2], "k": ["x", None]}),
    ],
    ids=["lists", "arrays", "pandas", "categorical", "arrow"],
)
def test_a_table_of_any_kind_between_rows_keeps_its_place(table):
    decoded = returning({"a": 0}, table, {"a": 3, "k": "y"})
    schema = Schema.of({"time": "time", "a": "float", "k": "text"}, "time")
    batch, bad = sift(decoded.columns, schema, arrival=5)
    assert (decoded.rows, bad) == (4, [])
    assert batch["a"].tolist() == [0, 1, 2, 3]
    assert batch["k"].decode().tolist() == [None, "x", None, "y"]


def test_times_of_every_kind_are_times():
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    frame = pd.DataFrame({"time": pd.to_datetime([now]).tz_convert("Europe/Berlin"), "a": [1]})
    batch = Batch.of({"time": [now], "a": [1]})
    naive = now.replace(tzinfo=None)
    for results in (
        [frame, batch],
        [frame, {"time": naive, "a": 1}],
        [batch, {"time": now, "a": 1}],
    ):
        decoded = returning(*results)
        table, bad = sift(decoded.columns, batch.schema)
        assert (len(table), bad) == (2, [])
        assert set(table.times.tolist()) == {int(now.timestamp()) * 1_000_000_000}


def test_what_the_function_raises_rejects_its_message_and_no_other():
    def function(message):
        if message == b"bad":
            raise KeyError("price")
        return {"a": int(message)}

    decoded = FunctionDecoder(function, max_bytes=3).decode([b"1", b"bad", b"x", b"long", b"2"])
    assert decoded.columns["a"].tolist() == [1, 2]
    reasons = [bad.reason for bad in decoded.rejected]
    assert reasons[0] == "KeyError: 'price'"
    assert reasons[1].startswith("ValueError: ")
    assert reasons[2] == "a message of more than 3 bytes"


def test_results_that_are_no_table_are_rejected():
    unequal = {"a": [1, 2], "b": [1]}
    decoded = returning(7, "text", [7], unequal, {"a": np.zeros((2, 2))}, {}, {"a": [1]}, {1: [1]})
    assert (decoded.rows, len(decoded.rejected)) == (1, 7)


def test_fields_are_picked_from_rows_by_path_and_from_tables_by_name():
    results = [{"data": {"price": 1}}, {"data.price": [2, 3], "x": [0, 0]}, {"x": 1}, {"x": [1]}]
    decoded = returning(*results, fields={"p": "data.price"})
    assert decoded.columns["p"].tolist() == [1, 2, 3]
    assert len(decoded.rejected) == 2


def test_a_null_under_the_whole_key_leads_on_to_the_path():
    decoded = returning({"a.b": None, "a": {"b": 4}}, {"a.b": 5, "a": {"b": 6}}, fields=["a.b"])
    assert decoded.columns["a.b"].tolist() == [4, 5]


def test_what_has_none_of_the_needs_is_rejected():
    decoded = returning({"a": 1}, {"b": 1}, {"b": [1, 2]}, {"a": [2], "b": [1]}, needs=["a"])
    assert decoded.columns["a"].tolist() == [1, 2]
    assert all("none of the fields 'a'" in bad.reason for bad in decoded.rejected)


def test_an_interrupt_is_no_fault_of_a_message():
    def function(_message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FunctionDecoder(function).decode([b"1"])
