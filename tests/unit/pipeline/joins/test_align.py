import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.joins.align import MOST_SILENT, Align

from .sides import LEFT, LEFTS, RIGHT, RIGHTS, SECOND, at_once, batch_of, by_time, in_pieces


def by_pandas(sides, every, fill, tolerance):
    """Each column's last known value at or before each grid point, by pandas' own as-of."""
    times = np.concatenate([batch.times for batch in sides.values()])
    step = pd.Timedelta(every).value
    grid = np.arange(-(-times.min() // step), -(-times.max() // step) + 1) * step
    frame = pd.DataFrame({"time": grid.view("datetime64[ns]")})
    age = {"none": pd.Timedelta(step - 1, "ns"), "last": tolerance}[fill]
    for label, batch in sides.items():
        for name in (each.name for each in batch.schema.fields if each.kind in ("int", "float")):
            own = pd.DataFrame({"time": batch.times.view("datetime64[ns]"), name: batch[name]})
            own = own.dropna().rename(columns={name: f"{label}_{name}"})
            own[f"{label}_{name}"] = own[f"{label}_{name}"].astype(float)
            frame = pd.merge_asof(frame, own, on="time", tolerance=age and pd.Timedelta(age))
    return frame[frame.drop(columns="time").notna().any(axis=1)]


@settings(deadline=None, max_examples=25)
@given(
    st.data(),
    LEFTS,
    RIGHTS,
    st.sampled_from(["200ms", "1s", "3s"]),
    st.sampled_from([("last", None), ("last", "2s"), ("none", None)]),
)
def test_every_grid_point_has_what_pandas_finds(data, left, right, every, how):
    left, right = by_time(left), by_time(right)
    joiner = Align(every, how[0], tolerance=how[1])
    ours = in_pieces(data.draw, joiner, (LEFT, RIGHT), left, right)
    if not left and not right:
        assert len(ours) == 0
        return
    sides = {"left": batch_of(LEFT, left), "right": batch_of(RIGHT, right)}
    theirs = by_pandas(sides, every, how[0], how[1])
    assert ours.schema.names == tuple(theirs.columns)
    np.testing.assert_array_equal(ours.times, theirs["time"].to_numpy().view(np.int64))
    for name in ours.schema.names[1:]:
        np.testing.assert_array_equal(ours[name], theirs[name].to_numpy(dtype=float))


def test_a_long_silence_is_not_filled_for_ever():
    schema = Schema.of({"time": "time", "v": "float"}, "time")
    year = 365 * 86_400 * 4
    rows = at_once(Align("1s"), (schema, schema), [(0, 1.0), (year, 2.0)], [(4, 3.0)])
    times = rows.times // SECOND
    assert times.tolist() == [*range(MOST_SILENT + 2), year // 4]
    assert rows["left_v"].tolist() == [1.0] * (MOST_SILENT + 2) + [2.0]


def test_one_column_of_each():
    rows = at_once(
        Align("1s", columns="n"), (LEFT, RIGHT), [(1, "x", 1.0, 7)], [(2, "y", 2.0, 8, "u")]
    )
    assert rows.schema.names == ("time", "left_n", "right_n")
    assert (rows["left_n"].tolist(), rows["right_n"].tolist()) == ([7.0], [8.0])


def test_bad_input():
    with pytest.raises(SettingError, match="every is a positive duration"):
        Align(0)
    with pytest.raises(SettingError, match="fill is one of last, none; got 'next'"):
        Align("1s", "next")
    with pytest.raises(SettingError, match="tolerance is for fill='last'"):
        Align("1s", "none", tolerance="1s")
    words = Schema.of({"time": "time", "word": "text"}, "time")
    with pytest.raises(SchemaError, match="align takes columns with numbers; 'right' has none"):
        at_once(Align("1s"), (LEFT, words))
    with pytest.raises(SchemaError, match="align takes columns 'a'; 'right' has none"):
        at_once(Align("1s", columns="a"), (LEFT, RIGHT))
