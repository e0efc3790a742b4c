import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livewidget.codecs.columns import pack
from livewidget.codecs.merging import merge
from livewidget.data.text import Text

makers = st.sampled_from(["pack", "text", "int", "float", "time"])


def made(kind, values):
    """Return one column, and the values in it as plain ones."""
    if kind == "text":
        texts = [None if value is None else f"t{value}" for value in values]
        return Text.encode(texts), texts
    if kind == "pack":
        return pack(list(values)), list(values)
    numbers = np.array([value or 0 for value in values], dtype=np.int64)
    if kind == "time":
        return numbers.view("datetime64[ns]"), list(numbers.view("datetime64[ns]"))
    array = numbers.astype(np.float64) if kind == "float" else numbers
    return array, array.tolist()


def plain(values):
    if isinstance(values, Text):
        return values.decode().tolist()
    listed = (
        list(values) if isinstance(values, list) or values.dtype.kind == "M" else values.tolist()
    )
    missing = [
        np.isnat(each)
        if isinstance(each, np.datetime64)
        else isinstance(each, float) and math.isnan(each)
        for each in listed
    ]
    return [None if gone else each for gone, each in zip(missing, listed, strict=True)]


columns = st.tuples(
    makers, st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=1, max_size=3)
)


@given(parts=st.lists(st.dictionaries(st.sampled_from("ab"), columns, min_size=1), max_size=4))
def test_no_value_is_lost_or_rounded_where_tables_meet(parts):
    given_parts, expected = [], {"a": [], "b": []}
    for part in parts:
        size = min(len(values) for _, values in part.values())
        built = {name: made(kind, values[:size]) for name, (kind, values) in part.items()}
        given_parts.append(({name: column for name, (column, _) in built.items()}, size))
        for name, so_far in expected.items():
            so_far.extend(built[name][1] if name in built else [None] * size)
    merged, rows = merge(given_parts) if given_parts else ({}, 0)
    assert rows == sum(size for _, size in given_parts)
    for name, values in expected.items():
        if name in merged:
            assert plain(merged[name]) == values
        else:
            assert set(values) <= {None}
