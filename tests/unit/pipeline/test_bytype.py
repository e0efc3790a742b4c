"""A pipeline for each type of event: order, one schema, and an exact account."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.pipeline.bytype import ByType
from livewidget.pipeline.clean import Deduplicate
from livewidget.pipeline.enrich import TimeFeatures
from livewidget.pipeline.fill import ForwardFill
from livewidget.pipeline.operator import Bound, Operator, Tally
from livewidget.pipeline.shape import PLACE, Apply, Drop, Rename, Select
from livewidget.pipeline.validate import Validate
from livewidget.testing import ManualClock

from .streams import ROWS, SCHEMA, batch_of, column, cut, plain, run


class Leave(Operator):
    """Leaves out rows of n below 0: some for an output, others with a letter."""

    def bind(self, schema, clock):
        def step(batch, tally):
            low, lower = batch["n"] == -1, batch["n"] < -1
            tally.route("low", batch.take(low))
            tally.reject(batch, lower, "n is low", "leave")
            return batch.take(~low & ~lower)

        return Bound(schema, step)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.data())
def test_each_type_goes_its_way_and_the_order_stays(rows, data):
    types = {
        "a": [
            Validate(n={"min": 0}),
            Select("key", "n"),
            Apply(lambda c: {"twice": 2.0 * c["n"]}, schema={"twice": "float"}),
            TimeFeatures(add="hour"),
        ],
        "b": [Leave(), Rename(word="said")],
    }
    by = ByType("key", types, other=[Apply(lambda c: c["n"] != 0), ForwardFill("value")])
    out, tally = run(by, data.draw(cut(rows)))
    expected, last, filtered, letters, nothing = [], None, 0, [], {}
    every = ["time", "key", "n", "twice", "hour", "value", "said", "seen", "word"]
    nothing = dict.fromkeys(every)
    for row in map(plain, batch_of(rows).rows()):
        if row["key"] == "a":
            if row["n"] < 0:
                letters.append(("n: below 0", row))
                continue
            new = {name: row[name] for name in ("time", "key", "n")}
            new |= {"twice": 2.0 * row["n"], "hour": 0}
        elif row["key"] == "b":
            if row["n"] < -1:
                letters.append(("n is low", row))
                continue
            if row["n"] == -1:
                filtered += 1
                continue
            new = {("said" if name == "word" else name): row[name] for name in row}
        else:
            if row["n"] == 0:
                filtered += 1
                continue
            last = row["value"] if row["value"] is not None else last
            new = row | {"value": last}
        expected.append(nothing | new)
    assert out == expected
    assert tally.filtered == filtered
    assert sorted((each.reason, plain(each.payload)["n"]) for each in tally.letters) == sorted(
        (reason, row["n"]) for reason, row in letters
    )
    assert all(PLACE not in each.payload for each in tally.letters)
    assert all(batch.schema == SCHEMA for _, batch in tally.routed)


def test_other_rows_pass_as_they_are_by_default():
    batch = batch_of([(0, key, 1.0, 0, None, None) for key in ("a", None, "b", "a", "c")])
    out, _ = run(ByType("key", {"a": [Deduplicate("key")]}), [batch])
    assert column(out, "key") == ["a", None, "b", "c"]


def test_rows_whose_places_are_hidden_stand_at_the_first_of_their_branch():
    batch = batch_of([(0, key, 1.0, n, None, None) for n, key in enumerate("abab")])
    last = Apply(lambda c: {name: c[name][1:] for name in c})
    out, _ = run(ByType("key", {"a": [last]}), [batch])
    assert column(out, "n") == [2, 1, 3]

    class Hide(Operator):
        def bind(self, schema, clock):
            return Drop(PLACE).bind(schema, clock)

    out, _ = run(ByType("key", {"a": [Hide()]}), [batch])
    assert column(out, "n") == [0, 1, 2, 3]


def test_whole_numbers_that_a_branch_lacks_are_floats_and_stay_exact():
    by = ByType("key", {"a": [Drop("n")]})
    bound = by.bind(SCHEMA, ManualClock())
    assert bound.schema.kind("n") == "float"
    with pytest.raises(SchemaError, match="column 'n' expects numbers"):
        bound.step(batch_of([(0, "b", 1.0, 2**53 + 1, None, None)]), Tally())


def test_a_state_is_a_branchs_own_and_heavy_is_found():
    assert not ByType("key", {"a": []}).heavy
    assert ByType("key", {"a": [Apply(len, heavy=True)]}).heavy
    assert ByType("key", {"a": []}, other=[Apply(len, heavy=True)]).heavy


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (ByType("kind", {"a": []}), "no column 'kind'"),
        (ByType("n", {"a": []}), "'n' is 'int'"),
        (ByType("key", {"a": [Select("price")]}), "no column 'price'"),
        (ByType("key", {"a": [Rename(time="when")]}), "different time columns: 'when' and 'time'"),
        (
            ByType("key", {"a": [Drop("word"), Rename(value="word")]}),
            "column 'word' is 'float' in one branch of ByType and 'text' in another",
        ),
    ],
)
def test_branches_that_do_not_fit_are_told_when_bound(by, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        by.bind(SCHEMA, ManualClock())


@pytest.mark.parametrize("types", [{}, ["a"], None])
def test_it_takes_operators_by_type(types):
    with pytest.raises(SettingError, match="ByType takes operators by type"):
        ByType("key", types)
