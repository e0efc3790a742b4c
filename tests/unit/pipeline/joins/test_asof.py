import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline import keys as keys_module
from livewidget.pipeline.joins.asof import AsOf
from livewidget.pipeline.operator import Tally

from .sides import LEFT, LEFTS, RIGHT, RIGHTS, at_once, batch_of, bind, by_time, in_pieces, rows_of


def by_pandas(left, right, tolerance, by):
    frames = [
        batch_of(schema, rows).to_dataframe(tz=None).astype({"key": object})
        for schema, rows in ((LEFT, left), (RIGHT, right))
    ]
    for frame in frames:
        frame["key"] = frame["key"].where(frame["key"].notna(), "-")
    return pd.merge_asof(
        frames[0],
        frames[1].rename(columns={"n": "n_right", "key": "key" if by else "key_right"}),
        left_on="time",
        right_on="at",
        by=by,
        tolerance=None if tolerance is None else pd.Timedelta(tolerance),
    )


def same(ours, theirs):
    for name in ("a", "n", "b", "n_right"):
        np.testing.assert_array_equal(ours[name], theirs[name].to_numpy(dtype=float))
    words = [None if pd.isna(word) else word for word in theirs["word"]]
    assert ours["word"].decode().tolist() == words
    got = pd.Series(ours["seen"].view("datetime64[ns]"))
    pd.testing.assert_series_equal(got, theirs["at"], check_names=False, check_dtype=False)


@settings(deadline=None, max_examples=25)
@given(st.data(), LEFTS, RIGHTS, st.sampled_from([None, "500ms", "3s"]), st.booleans())
def test_it_is_pandas_merge_asof_however_the_sides_are_cut_and_mixed(
    data, left, right, tolerance, keyed
):
    left, right = by_time(left), by_time(right)
    joiner = AsOf("key" if keyed else None, tolerance, right_time="seen")
    ours = in_pieces(data.draw, joiner, (LEFT, RIGHT), left, right)
    if left and right:
        same(ours, by_pandas(left, right, tolerance, "key" if keyed else None))
    assert len(ours) == len(left)
    again = at_once(joiner, (LEFT, RIGHT), left, right)
    assert rows_of(again) == rows_of(ours)


@settings(deadline=None, max_examples=30)
@given(st.data(), LEFTS, RIGHTS)
def test_rows_out_of_order_within_wait_are_joined_as_if_they_had_been_in_order(data, left, right):
    joiner = AsOf("key", wait="10s")
    mixed = in_pieces(data.draw, joiner, (LEFT, RIGHT), left, right)
    assert rows_of(mixed) == rows_of(
        at_once(AsOf("key"), (LEFT, RIGHT), by_time(left), by_time(right))
    )
    assert joiner.counts["late"] == 0


def test_the_account_has_what_is_swallowed():
    bound = bind(AsOf(), (LEFT, RIGHT))
    tally = Tally()
    right = batch_of(RIGHT, [(n, "x", 1.0, n, "u") for n in range(5)])
    left = batch_of(LEFT, [(n, "x", 1.0, n) for n in range(3)])
    assert len(bound.step(1, right, tally)) == 0
    assert len(bound.step(0, left, tally)) == 2  # of the time 2 another may come
    assert tally.made == 0
    assert tally.filtered == 2  # of the right, those before 2 have been used


def test_a_side_by_whole_numbers_finds_one_by_floats():
    left = Schema.of({"time": "time", "id": "int"}, "time")
    right = Schema.of({"time": "time", "id": "float", "v": "float"}, "time")
    joined = at_once(AsOf("id"), (left, right), [(1, 7), (2, 8)], [(0, 7.0, 0.5)])
    assert rows_of(joined) == [(250_000_000, 7, 0.5), (500_000_000, 8, None)]


def test_more_keys_than_there_is_room_for_are_forgotten_and_counted(monkeypatch):
    monkeypatch.setattr(keys_module.Keys.__init__, "__defaults__", (8,))
    joiner = AsOf("key")
    bound = bind(joiner, (LEFT, RIGHT))
    for n in range(30):
        bound.step(1, batch_of(RIGHT, [(n, f"k{n}", 1.0, n, "u")]), Tally())
        bound.step(0, batch_of(LEFT, [(n, f"k{n}", 1.0, n)]), Tally())
    assert 15 <= joiner.counts["keys forgotten"] <= 29


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tolerance": -1}, "tolerance is a positive duration"),
        ({"tolerance": "soon"}, "tolerance is a positive duration.*'soon'"),
        ({"wait": -1}, "wait is a positive duration"),
        ({"idle": 0}, "idle is a positive duration"),
        ({"memory": 0}, "memory is a whole number, 1 or more"),
        ({"by": 3}, "by is the name of a column or a list"),
        ({"suffix": ""}, "suffix is text to put behind a name"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(SettingError, match=words):
        AsOf(**settings)


@pytest.mark.parametrize(
    ("joiner", "schemas", "words"),
    [
        (AsOf("symbol"), (LEFT, RIGHT), "goes by 'symbol', which 'left' has not; it has 'time'"),
        (AsOf("word"), (LEFT, RIGHT), "goes by 'word', which 'left' has not"),
        (
            AsOf("key"),
            (LEFT, Schema.of({"time": "time", "key": "float"}, "time")),
            "'key', which is 'text' in 'left' and 'float' in 'right'",
        ),
        (
            AsOf(suffix="_a"),
            (LEFT, Schema.of({"t": "time", "n": "int", "n_a": "int"}, "t")),
            "'n_a' would be there twice",
        ),
        (AsOf(right_time="time"), (LEFT, RIGHT), "adds a column 'time', which is there already"),
    ],
)
def test_sides_that_do_not_fit(joiner, schemas, words):
    with pytest.raises(SchemaError, match=words):
        bind(joiner, schemas)


def test_it_takes_two_sides_with_labels_of_their_own():
    with pytest.raises(SettingError, match="as-of join takes 2 streams, got 1"):
        bind(AsOf(), (LEFT,))
