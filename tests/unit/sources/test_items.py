import numpy as np
import pandas as pd
import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError
from livewidget.sources.items import grouped, is_record, to_item

NOW = 1_700_000_000_000_000_007
AT = np.datetime64(NOW, "ns")


@pytest.mark.parametrize("number", [3, 2.5, True, np.float32(1.5), np.int64(4)])
def test_a_number_is_stamped_with_its_arrival(number):
    assert to_item(number, ("time", "value"), NOW) == {"time": AT, "value": number}


def test_a_tuple_fills_the_columns_with_or_without_a_time():
    columns = ("time", "bid", "ask")
    assert to_item((5, 1.0, 2.0), columns, NOW) == {"time": 5, "bid": 1.0, "ask": 2.0}
    assert to_item((1.0, 2.0), columns, NOW) == {"time": AT, "bid": 1.0, "ask": 2.0}


@pytest.mark.parametrize(
    "thing",
    [{"a": 1}, [{"a": 1}], pd.DataFrame({"a": [1]}), Batch.of({"time": [1.0], "a": [1.0]})],
)
def test_what_is_tabular_already_passes_as_it_is(thing):
    assert to_item(thing, ("time", "value"), NOW) is thing


@pytest.mark.parametrize("thing", [None, "text", b"bytes", [], [1, 2], object()])
def test_anything_else_is_refused_with_its_kind_and_what_is_accepted(thing):
    with pytest.raises(SchemaError, match="a number, a tuple") as caught:
        to_item(thing, ("time", "value"), NOW)
    assert f"got {type(thing).__name__}" in str(caught.value)


def test_a_tuple_of_the_wrong_length_names_the_columns():
    with pytest.raises(SchemaError, match="expected 2 values for 'time', 'value'"):
        to_item((1, 2, 3), ("time", "value"), NOW)


def test_neighbouring_records_are_grouped_and_order_is_kept():
    columns = {"a": [1, 2]}
    items = [{"a": 0}, {"a": "x"}, columns, {"a": 3}]
    assert list(grouped(items)) == [[{"a": 0}, {"a": "x"}], columns, [{"a": 3}]]


def test_a_record_is_told_from_columns():
    assert is_record({"a": 1, "b": "text", "c": None})
    assert not is_record({"a": 1, "b": np.array([1])})
    assert not is_record([{"a": 1}])
