import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget import Batch, Schema
from livewidget.data.errors import SchemaError
from livewidget.pipeline import Sequence
from livewidget.pipeline.operator import Tally
from livewidget.testing import ManualClock

SCHEMA = Schema.of({"time": "time", "n": "float", "kind": "text"}, "time")
SECOND = 1_000_000_000


def batch_of(numbers, first=0):
    """Row k of all rows is at k seconds after 1e9."""
    times = [1e9 + first + place for place in range(len(numbers))]
    return Batch.of({"time": times, "n": numbers, "kind": ["a"] * len(numbers)}, SCHEMA)


def followed(*parts):
    """What the operator says of numbers that come in these parts: gaps by row, and the lost."""
    step = Sequence("n").bind(SCHEMA, ManualClock()).step
    tally, first = Tally(), 0
    for part in parts:
        given = batch_of(part, first)
        assert step(given, tally) is given
        first += len(part)
    start = int(1e9) * SECOND
    gaps = [
        ((gap.start - start) // SECOND, (gap.stop - start) // SECOND, gap.reason)
        for gap in tally.gaps
    ]
    return gaps, tally.lost


def test_what_is_skipped_is_a_gap_from_the_row_before_to_the_row_behind():
    assert followed([1, 2, 5], [6, 8]) == ([(1, 2, "n 3 to 4 missing"), (3, 4, "n 7 missing")], 3)


def test_the_first_number_may_be_any():
    assert followed([700, 701]) == ([], 0)


def test_a_straggler_and_a_repetition_change_nothing():
    assert followed([1, 2, 5, 3, 4, 5, 6]) == ([(1, 2, "n 3 to 4 missing")], 2)


@pytest.mark.parametrize("again", [0, 1, 100])
def test_a_count_that_begins_anew_is_followed(again):
    gaps, lost = followed([5_000, 5_001], [again, again + 1, again + 3])
    assert (len(gaps), lost) == (1, 1)


def test_missing_numbers_are_passed_over():
    assert followed([1, None, 2], [None], [3, 5]) == ([(4, 5, "n 4 missing")], 1)


def test_a_column_of_text_has_no_order():
    with pytest.raises(SchemaError, match="column 'kind' of `sequence` must hold numbers"):
        Sequence("kind").bind(SCHEMA, ManualClock())


@given(st.lists(st.integers(2, 40), max_size=60), st.data())
def test_the_cut_into_batches_does_not_matter(numbers, data):
    places = sorted(data.draw(st.lists(st.integers(0, len(numbers)), max_size=5)))
    edges = [0, *places, len(numbers)]
    parts = [numbers[a:b] for a, b in itertools.pairwise(edges) if b > a]
    newest, lost = None, 0
    for number in numbers:
        if newest is None or number > newest:
            lost += 0 if newest is None else number - newest - 1
            newest = number
    assert followed(*parts) == followed(*([numbers] if numbers else []))
    assert followed(*parts)[1] == lost
