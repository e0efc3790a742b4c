"""Rows that fit and rows that do not, against a twin that looks at each row by itself."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch, sift
from livewidget.data.errors import SchemaError
from livewidget.data.schema import Schema

SCHEMA = Schema.of({"time": "time", "y": "float", "n": "int", "s": "text"}, "time")
ODD = [None, "x", "2024-01-01", 1, 2**53 + 1, 1.5, True, [1], b"b", "", float("nan"), {}]
VALUES = {
    "time": st.sampled_from(["2024-01-01", "2024-06-01T12:00:00+02:00", *ODD]),
    "y": st.sampled_from([1, 2.5, -3, *ODD]),
    "n": st.sampled_from([1, 2, -3, *ODD]),
    "s": st.sampled_from(["a", "b", *ODD]),
    "unknown": st.sampled_from(ODD),
}
GOOD = {"time": "2024-01-01", "y": 1.0, "n": 2, "s": "a"}


@st.composite
def records(draw):
    """Records that are mostly good: each with at most one odd value, or one left out."""
    made = []
    for _ in range(draw(st.integers(1, 8))):
        record = dict(GOOD)
        name = draw(st.sampled_from([None, *VALUES]))
        if name is not None:
            record[name] = draw(VALUES[name])
        if draw(st.integers(0, 5)) == 0:
            record.pop(draw(st.sampled_from(list(record))))
        made.append(record)
    return made


def fits(record):
    """The row as a batch by itself; None where it is refused."""
    known = {name: [record.get(name)] for name in SCHEMA.names}
    try:
        return next(Batch.of(known, SCHEMA).rows())
    except SchemaError:
        return None


@settings(max_examples=300, deadline=None)
@given(records())
@example([GOOD | {"time": 1}, GOOD | {"time": 2**53 + 1}])  # each in a unit of its own
@example([GOOD | {"time": 2**53 + 1}, GOOD | {"time": 1.5}])
@example([GOOD | {"time": 1}, GOOD | {"time": True}])
@example([GOOD | {"s": 1}, GOOD | {"s": True}])
def test_the_rows_that_fit_are_kept_in_order_and_the_others_come_with_a_reason(made):
    batch, bad = sift(made, SCHEMA)
    kept = [fits(record) for record in made]
    assert repr(list(batch.rows())) == repr([row for row in kept if row is not None])
    refused = [record for record, row in zip(made, kept, strict=True) if row is None]
    assert len(bad) == len(refused)
    assert all("column" in reason for _, reason in bad)


def test_the_payload_is_the_row_and_the_reason_names_column_and_value():
    made = [GOOD, {**GOOD, "y": "high"}, {**GOOD, "time": None}]
    batch, bad = sift(made, SCHEMA)
    assert len(batch) == 1
    reasons = {payload["y"]: reason for payload, reason in bad}
    assert "'y' expects numbers" in reasons["high"]
    assert "'high'" in reasons["high"]
    assert "no time" in reasons[1.0]


def test_good_columns_of_arrays_take_the_fast_way():
    times = np.arange(1000).astype("datetime64[ns]")
    batch, bad = sift({"time": times, "y": np.ones(1000), "n": np.arange(1000)}, SCHEMA)
    assert (len(batch), bad) == (1000, [])


def test_an_absent_time_is_the_arrival_and_an_absent_whole_number_refuses_all():
    batch, bad = sift([{"y": 1, "n": 1}], SCHEMA, arrival=5)
    assert (batch.times.tolist(), bad) == ([5], [])
    batch, bad = sift([{"time": 1, "y": 1}, {"time": 2, "y": 2}], SCHEMA)
    assert (len(batch), len(bad)) == (0, 2)


@pytest.mark.parametrize("junk", [5, "text", None, [1]])
def test_what_is_not_tabular_at_all_is_an_error(junk):
    with pytest.raises(SchemaError):
        sift(junk, SCHEMA)


def test_a_record_without_any_of_the_columns_it_needs_does_not_fit_and_one_of_none_does():
    bare, null = {"time": "2024-01-01", "s": "a", "n": 1}, GOOD | {"y": None}
    batch, bad = sift([GOOD, bare, null], SCHEMA, needs=("y",))
    assert len(batch) == 2
    assert np.isnan(batch["y"]).tolist() == [False, True]
    assert bad == [(bare, "it has none of the fields 'y'; it has 'time', 's', 'n'")]
    for whole in ([bare, bare], {name: [value] for name, value in bare.items()}):
        with pytest.raises(SchemaError, match="none of the fields 'y'"):
            sift(whole, SCHEMA, needs=("y",))


def test_a_table_without_rows_fits_whatever_its_columns_look_like():
    for empty in ({"time": [], "n": np.array([], dtype="U1")}, {"time": [], "y": [], "s": []}):
        batch, bad = sift(empty | {"n": []}, SCHEMA, needs=("y",))
        assert (len(batch), bad) == (0, [])
    assert len(sift({"time": [], "n": np.array([], dtype="U1")}, SCHEMA)[0]) == 0


@pytest.mark.parametrize("time", [2**70, -(2**64)])
def test_a_time_beyond_64_bits_is_refused_alone(time):
    batch, bad = sift([GOOD, GOOD | {"time": time}], SCHEMA)
    assert len(batch) == 1
    assert "before the year 1678" in bad[0][1]
