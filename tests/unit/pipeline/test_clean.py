"""Cleaning against twins that look at one row after the other."""

import math
import re
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.pipeline.clean import Clean, Clip, Deduplicate, Normalise
from livewidget.testing import ManualClock

from .streams import NAT, ROWS, SCHEMA, SECOND, batch_of, column, cut, plain, run


def first_seen(rows, by, memory):
    """The rows whose key was not seen among the `memory` keys that were seen last."""
    seen, kept = OrderedDict(), []
    for row in rows:
        key = tuple(row[name] for name in by)
        if all(part is None for part in key):
            kept.append(row)
            continue
        if key not in seen:
            kept.append(row)
        seen[key] = None
        seen.move_to_end(key)
        while len(seen) > memory:
            seen.popitem(last=False)
    return kept


@settings(max_examples=200, deadline=None)
@given(
    ROWS,
    st.sampled_from([["key"], ["value"], ["time"], ["seen"], ["key", "n"], ["word", "seen"]]),
    st.sampled_from([1, 2, 3, 5, 1000]),
    st.data(),
)
def test_a_repeat_is_filtered_however_the_rows_were_cut(rows, by, memory, data):
    out, tally = run(Deduplicate(by, memory), data.draw(cut(rows)))
    kept = first_seen(list(map(plain, batch_of(rows).rows())), by, memory)
    assert out == kept
    assert tally.filtered == len(rows) - len(kept)


@settings(max_examples=200, deadline=None)
@given(st.text("abcd", min_size=1, max_size=30), st.integers(1, 3), st.integers(1, 29))
def test_the_key_that_was_seen_least_recently_is_forgotten_first(keys, memory, at):
    rows = [(n, key, 1.0, n, None, None) for n, key in enumerate(keys)]
    batches = [batch_of(part) for part in (rows[:at], rows[at:]) if part]
    out, _ = run(Deduplicate("key", memory), batches)
    assert out == first_seen(list(map(plain, batch_of(rows).rows())), ["key"], memory)


def test_new_keys_push_the_oldest_out_also_where_nothing_repeats():
    rows = [(n, "a", float(n), n, "x", None) for n in range(6)]
    batches = [batch_of(rows[:3]), batch_of(rows[3:]), batch_of(rows[:1]), batch_of(rows[5:])]
    deduplicate = Deduplicate("n", memory=3)
    out, _ = run(deduplicate, batches)
    assert deduplicate.counts["keys forgotten"] == 4
    assert column(out, "n") == [0, 1, 2, 3, 4, 5, 0]


@settings(max_examples=100, deadline=None)
@given(ROWS, st.data())
def test_a_clip_is_the_nearest_bound(rows, data):
    bounds = {"value": (-1.5, None), "n": (-1, 1.5)}
    out, _ = run(Clip(bounds), data.draw(cut(rows)))
    for before, after in zip(map(plain, batch_of(rows).rows()), out, strict=True):
        value = before["value"]
        before["value"] = None if value is None else max(value, -1.5)
        before["n"] = max(-1, min(1, before["n"]))
        assert after == before


def test_a_clip_of_large_whole_numbers_is_exact():
    batch = batch_of([(0, "a", 1.0, n, "x", 1) for n in (2**62, NAT, -(2**62))])
    rows, _ = run(Clip(n=(-(2**62) + 1, 2**62 - 1)), [batch])
    assert column(rows, "n") == [2**62 - 1, -(2**62) + 1, -(2**62) + 1]
    rows, _ = run(Clip(n=(-math.inf, 1e300)), [batch])
    assert column(rows, "n") == [2**62, None, -(2**62)]  # plain() takes the least for missing


@settings(max_examples=100, deadline=None)
@given(ROWS, st.data())
def test_numbers_and_text_take_their_form(rows, data):
    forms = {
        "value": {"mean": 2, "std": 4},
        "n": {"low": -1, "high": 3},
        "word": ["strip", "upper"],
        "key": "lower",
    }
    out, _ = run(Normalise(forms), data.draw(cut(rows)))
    for before, after in zip(map(plain, batch_of(rows).rows()), out, strict=True):
        if before["value"] is not None:
            assert after["value"] == (before["value"] - 2) / 4
        assert after["n"] == (before["n"] + 1) / 4
        assert after["word"] == (before["word"] and before["word"].strip().upper())
        assert after["key"] == before["key"]


def test_a_unit_is_a_scale_and_an_offset_and_two_spellings_one_category():
    batch = batch_of([(0, "a", 100.0, 1, " Y", 1), (0, "a", -40.0, 1, "y", 1)])
    form = Normalise(value={"scale": 1.8, "offset": 32}, word=["strip", "lower"])
    bound = form.bind(SCHEMA, ManualClock())
    out = bound.step(batch, None)
    assert out["value"] == pytest.approx([212, -40])
    assert out["word"].categories == ("y",)
    assert out["word"].codes.tolist() == [0, 0]


def test_the_usual_cleaning_in_one():
    rows = [
        (0, "a", 5.0, 1, "x", None),
        (SECOND, "a", None, 2, None, None),
        (SECOND, "a", 7.0, 1, "x", None),
        (2 * SECOND, "a", 9.0, 3, "z", None),
    ]
    clean = Clean(
        deduplicate="n",
        normalise={"word": ["upper"]},
        clip={"value": (0, 8)},
        interpolate="value",
        fill=["word"],
        by="key",
    )
    out, tally = run(clean, [batch_of(rows)])
    assert column(out, "value") == [5.0, 6.5, 8.0]
    assert column(out, "word") == ["X", "X", "Z"]
    assert tally.filtered == 1
    assert run(Clean(), [batch_of(rows)])[0] == list(map(plain, batch_of(rows).rows()))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Deduplicate(()), "one column at least"),
        (lambda: Deduplicate("a", memory=0), "memory is a whole number, 1 or more; got 0"),
        (lambda: Deduplicate(7), "by is the name of a column or a list; got 7"),
        (lambda: Deduplicate(["a", "a"]), "names a column twice"),
        (lambda: Clip(a=(2, 1)), "got (2, 1)"),
        (lambda: Clip(a=5), "got 5"),
        (lambda: Clip(a=(np.nan, 1)), "got (nan, 1)"),
        (lambda: Normalise(a={"mean": 1}), "mean and std"),
        (lambda: Normalise(a={"mean": 1, "std": 0}), "above 0"),
        (lambda: Normalise(a={"low": 1, "high": 1}), "low and high"),
        (lambda: Normalise(a={"scale": 0}), "not 0"),
        (lambda: Normalise(a={}), "got {}"),
        (lambda: Normalise(a={"scale": "2"}), "a constant is a finite number"),
        (lambda: Normalise(a={"scale": 1, "mean": 3}), "Normalise takes"),
        (lambda: Normalise(a=["trim"]), "text takes strip, lower, upper; got ['trim']"),
        (lambda: Normalise(a=7), "text takes strip, lower, upper; got 7"),
    ],
)
def test_a_setting_that_cannot_be_is_told_at_once(make, told):
    with pytest.raises(SettingError, match=re.escape(told)):
        make()


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        (Deduplicate("id"), "no column 'id'"),
        (Clip(key=(0, 1)), "'key' is 'text'"),
        (Clip(price=(0, 1)), "no column 'price'"),
        (Normalise(word={"scale": 2}), "'word' is 'text'"),
        (Normalise(value=["strip"]), "'value' is 'float'"),
    ],
)
def test_a_column_that_does_not_fit_is_told_when_it_is_bound(operator, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        operator.bind(SCHEMA, ManualClock())


def test_bounds_without_a_whole_number_between_them_are_told():
    with pytest.raises(SettingError, match="a whole number between"):
        Clip(n=(0.2, 0.8)).bind(SCHEMA, ManualClock())
