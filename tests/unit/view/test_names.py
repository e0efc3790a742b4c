"""What a snapshot calls its series: by column, by key, by both."""

import numpy as np
import pytest

from livewidget.data.viewport import Viewport
from livewidget.view.view import View


def series(columns, keys=None, **options):
    view = View(1, columns, window=1000, keyed=keys is not None, **options)
    view.look(Viewport(100), 1000)
    times = np.arange(4)
    codes = None if keys is None else np.array(keys, dtype=np.int32)
    view.rebuild(times, np.zeros((len(columns), 4)), codes)
    return view.frame("xyz".__getitem__).meta["series"]


def test_without_keys_a_series_is_its_column():
    assert series(["bid", "ask"]) == [{"name": "bid"}, {"name": "ask"}]


@pytest.mark.parametrize("columns", [["p"], ["p", "q"]])
def test_with_keys_each_says_whose_and_what_it_is(columns):
    alone = len(columns) == 1
    assert series(columns, [0, 1, 0, 1]) == [
        {"name": key if alone else f"{key} {column}", "column": column, "key": key}
        for key in "xy"
        for column in columns
    ]


def test_the_keys_without_a_line_are_others():
    told = series(["p"], [0, 1, 2, -1], max_keys=1)
    assert told == [{"name": key, "column": "p", "key": key} for key in ("x", "others")]
