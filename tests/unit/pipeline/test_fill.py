"""Repair against pandas and against twins that look at one row after the other."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.pipeline import keys as module
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fill import ForwardFill, Interpolate
from livewidget.testing import ManualClock

from .streams import ROWS, SCHEMA, SECOND, batch_of, column, cut, plain, run


@settings(max_examples=200, deadline=None)
@given(ROWS, st.booleans(), st.none() | st.integers(1, 4), st.data())
def test_it_fills_as_pandas_does_however_the_rows_were_cut(rows, by, limit, data):
    fill = ForwardFill(["value", "word", "seen"], by="key" if by else None, limit=limit)
    out, _ = run(fill, data.draw(cut(rows)))
    frame = pd.DataFrame(list(map(plain, batch_of(rows).rows())), dtype=object)
    groups = frame.groupby(frame["key"].fillna("-") if by else np.zeros(len(frame)))
    for name in ("value", "word", "seen"):
        filled = groups[name].ffill(limit=limit)
        assert column(out, name) == [None if pd.isna(each) else each for each in filled]
    assert column(out, "time") == frame["time"].tolist()


@settings(max_examples=100, deadline=None)
@given(ROWS, st.data())
def test_several_columns_make_one_key(rows, data):
    out, _ = run(ForwardFill("value", by=["key", "n"]), data.draw(cut(rows)))
    last, expected = {}, []
    for row in map(plain, batch_of(rows).rows()):
        key = row["key"], row["n"]
        if row["value"] is not None:
            last[key] = row["value"]
        expected.append(last.get(key))
    assert column(out, "value") == expected


def test_the_least_recently_seen_keys_are_forgotten():
    keys = module.Keys(["key"], counts := Counts("keys forgotten"), limit=8)
    slots, gone = keys(batch_of([(0, f"k{n}", 1.0, 0, "x", 0) for n in range(8)]))
    assert sorted(slots.tolist()) == list(range(8))
    assert not len(gone)
    again, gone = keys(batch_of([(0, f"k{n}", 1.0, 0, "x", 0) for n in (1, 2, 3, 9)]))
    assert again[:3].tolist() == slots[1:4].tolist()
    assert set(gone.tolist()) <= set(slots[[0, 4, 5, 6, 7]].tolist())
    assert again[3] in gone
    assert keys.size == 8
    assert counts["keys forgotten"] == len(gone) == 1
    names = ["k1", *(f"m{n}" for n in range(20))]
    many, gone = keys(batch_of([(0, name, 1.0, 0, "x", 0) for name in names]))
    assert len(set(many.tolist())) == 21  # a batch has as many as it needs
    assert many[0] == slots[1]  # and keeps those that it has itself
    assert many[0] not in gone


def test_a_forgotten_key_carries_nothing_on(monkeypatch):
    monkeypatch.setattr(module.Keys.__init__, "__defaults__", (2,))
    batches = [
        batch_of([(0, key, value, 0, word, 0)])
        for key, value, word in [
            ("a", 1.0, "x"),
            ("b", 2.0, "y"),
            ("c", None, None),
            ("b", None, None),
            ("a", None, None),
        ]
    ]
    out, _ = run(ForwardFill(["value", "word"], by="key"), batches)
    assert column(out, "value") == [1.0, 2.0, None, 2.0, None]
    assert column(out, "word") == ["x", "y", None, "y", None]


def on_the_line(rows, last, gap):
    """Each missing value by the known ones of its key around it in time, `last` from before."""
    filled = []
    for row in rows:
        if row["value"] is not None:
            filled.append(row["value"])
            continue
        spot = rows.index(row)
        known = [(last[row["key"]][0], -1, last[row["key"]][1])] if row["key"] in last else []
        known += [
            (other["time"], place, other["value"])
            for place, other in enumerate(rows)
            if other["key"] == row["key"] and other["value"] is not None
        ]
        line = sorted([*known, (row["time"], spot, None)], key=lambda each: each[:2])
        here = line.index((row["time"], spot, None))
        filled.append(None)
        if 0 < here < len(line) - 1:
            (t0, _, v0), (t1, _, v1) = line[here - 1], line[here + 1]
            if t1 - t0 <= gap:
                value = v0 + (row["time"] - t0) / max(t1 - t0, 1) * (v1 - v0)
                filled[-1] = None if np.isnan(value) else value  # between infinities
    return filled


@settings(max_examples=200, deadline=None)
@given(ROWS, st.sampled_from([0.5, 2, 100]), st.data())
def test_it_draws_the_line_between_known_values_in_event_time(rows, gap, data):
    rows = [(*row[:4], None, number) for number, row in enumerate(rows)]  # no two rows are alike
    batches = data.draw(cut(rows))
    out, _ = run(Interpolate("value", by="key", max_gap=gap), batches)
    last, expected = {}, []
    for batch in batches:
        own = list(map(plain, batch.rows()))
        expected += on_the_line(own, last, gap * SECOND)
        for row in own:
            key = row["key"]
            if row["value"] is not None and (key not in last or row["time"] >= last[key][0]):
                last[key] = row["time"], row["value"]
    assert column(out, "value") == pytest.approx(expected, nan_ok=True)


def test_a_row_waits_for_no_later_one():
    first = batch_of([(0, "a", 1.0, 0, "x", 0), (SECOND, "a", None, 0, "x", 0)])
    second = batch_of([(2 * SECOND, "a", None, 0, "x", 0), (4 * SECOND, "a", 5.0, 0, "x", 0)])
    out, _ = run(Interpolate("value", by="key"), [first, second])
    assert column(out, "value") == [1.0, None, 3.0, 5.0]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ForwardFill(()), "columns names one column at least"),
        (lambda: ForwardFill("a", limit=0), "limit is a whole number, 1 or more; got 0"),
        (lambda: ForwardFill("a", limit=True), "limit is a whole number"),
        (lambda: Interpolate("a", max_gap="soon"), "max_gap is a positive duration"),
        (lambda: Interpolate("a", max_gap=-1), "max_gap is a positive duration"),
    ],
)
def test_a_setting_that_cannot_be_is_told_at_once(make, told):
    with pytest.raises(SettingError, match=re.escape(told)):
        make()


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        (ForwardFill("price"), "no column 'price'"),
        (ForwardFill("value", by="symbol"), "no column 'symbol'"),
        (ForwardFill("n"), "'n' is 'int'"),
        (Interpolate("word"), "'word' is 'text'"),
        (Interpolate("value", by="symbol"), "no column 'symbol'"),
    ],
)
def test_a_column_that_does_not_fit_is_told_when_it_is_bound(operator, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        operator.bind(SCHEMA, ManualClock())
