import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.joins.union import UnionJoin

from .sides import LEFT, LEFTS, RIGHT, RIGHTS, at_once, bind, by_time, in_pieces, rows_of


@settings(deadline=None, max_examples=25)
@given(st.data(), LEFTS, RIGHTS)
def test_all_rows_come_in_order_with_what_they_have(data, left, right):
    left, right = by_time(left), by_time(right)
    ours = in_pieces(data.draw, UnionJoin(), (LEFT, RIGHT), left, right)
    expected = [(*row, None, None, "left") for row in left]
    expected += [(*row[:2], None, row[3], row[2], row[4], "right") for row in right]
    expected.sort(key=lambda row: row[0])
    assert rows_of(ours) == [(row[0] * 250_000_000, *row[1:]) for row in expected]


def test_the_columns_are_those_of_all():
    three = Schema.of({"time": "time", "n": "float", "m": "int"}, "time")
    bound = bind(UnionJoin("from"), (LEFT, RIGHT, three))
    assert {field.name: field.kind.value for field in bound.schema.fields} == {
        "time": "time",
        "key": "text",
        "a": "float",
        "n": "float",  # whole in two, a float in the third
        "b": "float",
        "word": "text",
        "m": "float",  # missing in two
        "from": "text",
    }


def test_without_a_column_that_tells():
    same = Schema.of({"time": "time", "v": "int"}, "time")
    rows = at_once(UnionJoin(None), (same, same, same), [(2, 1)], [(1, 2)], [(1, 3)])
    assert rows.schema == same
    assert rows["v"].tolist() == [2, 3, 1]


def test_bad_input():
    other = Schema.of({"time": "time", "key": "float"}, "time")
    with pytest.raises(SchemaError, match="column 'key' is 'float' in 'right' and 'text' in a"):
        bind(UnionJoin(), (LEFT, other))
    with pytest.raises(SchemaError, match="into is a new column; 'key' is there already"):
        bind(UnionJoin("key"), (LEFT, RIGHT))
    twice = Schema.of({"at": "time", "time": "float"}, "at")
    with pytest.raises(SchemaError, match="'right' has a column 'time' beside its time 'at'"):
        bind(UnionJoin(), (LEFT, twice))
    with pytest.raises(SettingError, match="union takes 2 to 100 streams, got 1"):
        bind(UnionJoin(), (LEFT,))
