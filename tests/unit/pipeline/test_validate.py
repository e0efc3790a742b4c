"""Validation against a twin that looks at one row after the other."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.pipeline.validate import Check, Validate
from livewidget.testing import ManualClock

from .streams import ROWS, SCHEMA, SECOND, batch_of, column, cut, plain, run

RULES = {
    "value": {"required": True, "min": -2, "max": 2.5},
    "n": {"one_of": [-1, 0, 1, 2], "max": 1},
    "key": {"one_of": ["a", "b"], "type": "text"},
    "word": {"required": True, "matches": "[a-z]+"},
    "seen": {"min": np.datetime64(2, "ns"), "max": np.datetime64(4, "ns")},
}
REASONS = {
    "value: missing": lambda row: row["value"] is None,
    "value: below -2": lambda row: row["value"] < -2,
    "value: above 2.5": lambda row: row["value"] > 2.5,
    "n: above 1": lambda row: row["n"] > 1,
    "n: not one of -1, 0, 1, 2": lambda row: row["n"] not in {-1, 0, 1, 2},
    "key: not one of 'a', 'b'": lambda row: row["key"] not in {None, "a", "b"},
    "word: missing": lambda row: row["word"] is None,
    "word: does not match '[a-z]+'": lambda row: not re.fullmatch("[a-z]+", row["word"]),
    "seen: below 1970-01-01T00:00:00.000000002": lambda row: row["seen"] in {0, 1},
    "seen: above 1970-01-01T00:00:00.000000004": lambda row: row["seen"] == 5,
    "fails 'n is under ten'": lambda row: row["n"] >= 10,
}


def bind(operator):
    return operator.bind(SCHEMA, ManualClock())


@settings(max_examples=150, deadline=None)
@given(ROWS, st.data())
def test_a_row_is_rejected_with_the_first_rule_it_breaks(rows, data):
    batches = data.draw(cut(rows))
    good, reasons = [], Counter()
    for row in map(plain, batch_of(rows).rows()):
        why = next((reason for reason, broken in REASONS.items() if broken(row)), None)
        if why is None:
            good.append(row)
        else:
            reasons[why] += 1
    out, tally = run(Validate(RULES, custom={"n is under ten": lambda b: b["n"] < 10}), batches)
    assert out == good
    assert Counter(letter.reason for letter in tally.letters) == reasons
    assert {letter.operator for letter in tally.letters} <= {"validate"}


def test_a_batch_in_which_all_is_well_is_handed_on_as_it_is():
    batch = batch_of([(SECOND, "a", 1.0, 1, "x", 3)])
    bound = bind(Validate(value=Check(min=0, max=2), key={"one_of": ["a"]}))
    assert bound.step(batch, None) is batch


def test_missing_values_break_required_alone():
    batch = batch_of([(0, None, None, 1, None, None)] * 2)
    loose = {"value": {"min": 0, "max": 1, "one_of": [2]}, "key": {"one_of": ["a"]}}
    loose |= {"word": {"matches": "q"}, "seen": {"min": 0}}
    rows, _ = run(Validate(loose), [batch])
    assert len(rows) == 2
    for name in ("value", "key", "seen"):
        rows, tally = run(Validate({name: Check(required=True)}), [batch])
        assert not rows
        assert {letter.reason for letter in tally.letters} == {f"{name}: missing"}


def test_bounds_beside_whole_numbers_are_not_rounded():
    batch = batch_of([(0, "a", 1.0, n, "x", 1) for n in (2**53, 2**53 + 1, 2**53 + 2)])
    rows, tally = run(Validate(n={"max": 2**53 + 1}), [batch])
    assert column(rows, "n") == [2**53, 2**53 + 1]
    assert tally.letters[0].reason == f"n: above {2**53 + 1}"
    rows, _ = run(Validate(n={"min": 0.5, "max": float("inf")}), [batch])
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"price": {}}, "'price'"),
        ({"value": {"type": "text"}}, "must be of kind 'text'; it is 'float'"),
        ({"key": {"min": 1}}, "'key' is 'text'"),
        ({"value": {"matches": "a"}}, "'value' is 'float'"),
        ({"seen": {"one_of": [1]}}, "'seen' is 'time'"),
    ],
)
def test_a_column_that_does_not_fit_is_told_when_it_is_bound(rules, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        bind(Validate(rules))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"value": {"min": 3, "max": 2}}, "min is at most max; got 3 and 2"),
        ({"value": {"min": "low"}}, "min is a number; got 'low'"),
        ({"value": {"min": float("nan")}}, "min is a number"),
        ({"seen": {"max": "never"}}, "max is a time; got 'never'"),
        ({"value": {"one_of": ["a"]}}, "one_of is a list of numbers"),
        ({"key": {"one_of": [1]}}, "one_of is a list of text"),
    ],
)
def test_a_bound_that_cannot_be_is_told_when_it_is_bound(rules, told):
    with pytest.raises(SettingError, match=re.escape(told)):
        bind(Validate(rules))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"value": {"type": "number"}}, "got 'number'"),
        ({"key": {"one_of": "ab"}}, "one_of is a list of values"),
        ({"key": {"one_of": []}}, "one_of is a list of values"),
        ({"key": {"matches": "("}}, "matches is a regular expression"),
        ({"key": {"least": 1}}, "the rules of 'key' are type, required, min"),
        ({}, "got none"),
    ],
)
def test_a_rule_that_cannot_be_is_told_at_once(rules, told):
    with pytest.raises(SettingError, match=re.escape(told)):
        Validate(rules)


def test_a_custom_rule_must_say_yes_or_no_of_each_row():
    bound = bind(Validate(custom={"odd": lambda batch: batch["n"]}))
    with pytest.raises(SchemaError, match="'odd' returns a truth value for each of 1 rows"):
        bound.step(batch_of([(0, "a", 1.0, 1, "x", 1)]), None)
