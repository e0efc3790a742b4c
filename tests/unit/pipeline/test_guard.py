import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget import Batch, Schema
from livewidget.data.errors import SettingError
from livewidget.pipeline import Pipeline
from livewidget.pipeline.guard import MOST_FAILURES, Guard
from livewidget.pipeline.operator import Bound, Operator, Tally
from livewidget.testing import ManualClock

SCHEMA = Schema.of({"time": "time", "n": "float"}, "time")
OTHER = Schema.of({"time": "time", "m": "float"}, "time")


def batch_of(numbers):
    return Batch.of({"time": [1e9 + n for n in numbers], "n": list(numbers)}, SCHEMA)


def guarded(step, numbers, retries=0):
    tally = Tally()
    done = Guard(Bound(SCHEMA, step), "brittle", retries)(batch_of(numbers), tally)
    return done["n"].tolist(), tally


@given(st.sets(st.integers(0, 99), max_size=20))
def test_the_rows_that_it_fails_on_are_found_and_the_others_pass(bad):
    def step(batch, tally):
        if bad & set(batch["n"].astype(int).tolist()):
            raise ValueError("bad")
        return batch

    passed, tally = guarded(step, range(100))
    assert passed == [n for n in range(100) if n not in bad]
    assert sorted(letter.payload["n"] for letter in tally.letters) == sorted(bad)
    assert {letter.reason for letter in tally.letters} <= {"ValueError: bad"}
    assert tally.rejected == len(bad)


def test_one_that_fails_on_everything_is_not_asked_for_each_row():
    calls = []

    def step(batch, tally):
        calls.append(len(batch))
        raise ValueError("always")

    passed, tally = guarded(step, range(10_000))
    assert (passed, tally.rejected) == ([], 10_000)
    assert len(calls) < 8 * MOST_FAILURES


def test_what_a_failed_attempt_told_is_forgotten():
    def step(batch, tally):
        tally.filtered += len(batch)
        if len(batch) > 1:
            raise ValueError("too many at once")
        return Batch.empty(SCHEMA)

    assert guarded(step, range(4))[1].filtered == 4


def test_it_is_tried_again():
    calls = []

    def step(batch, tally):
        calls.append(1)
        if len(calls) < 3:
            raise OSError("not yet")
        return batch

    assert guarded(step, range(3), retries=2)[0] == [0, 1, 2]
    assert len(calls) == 3


def test_rows_that_it_leaves_out_in_silence_are_counted_as_filtered():
    passed, tally = guarded(lambda batch, _: batch.take(batch["n"] > 1), range(4))
    assert (passed, tally.filtered) == ([2, 3], 2)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda batch, _: Batch(OTHER, batch.columns), "and promised"),
        (lambda batch, _: batch.take([0, 0]), "more rows than it got"),
        (lambda batch, tally: (tally.route("x", batch), batch)[1], "more rows than it got"),
    ],
)
def test_a_step_that_does_not_keep_its_word_loses_no_row(step, words):
    passed, tally = guarded(step, [1])
    assert (passed, tally.rejected) == ([], 1)
    assert words in tally.letters[0].reason


def test_a_pipeline_names_the_operator_and_goes_on_with_the_rest():
    class Brittle(Operator):
        name = "brittle"

        def bind(self, schema, clock):
            def step(batch, tally):
                if (batch["n"] == 2).any():
                    raise KeyError("two")
                return batch

            return Bound(schema, step)

    seen = []

    class Seeing(Operator):
        name = "seeing"

        def bind(self, schema, clock):
            return Bound(schema, lambda batch, _: (seen.extend(batch["n"].tolist()), batch)[1])

    tally = Tally()
    Pipeline([Brittle(), Seeing()]).bind(SCHEMA, ManualClock()).step(batch_of(range(4)), tally)
    assert sorted(seen) == [0, 1, 3]
    assert [letter.operator for letter in tally.letters] == ["brittle"]


def test_bad_settings():
    with pytest.raises(SettingError, match="a pipeline is made of operators, got 3"):
        Pipeline([3])
    with pytest.raises(SettingError, match="retries is a number from 0 up, got -1"):
        Pipeline([], retries=-1)
