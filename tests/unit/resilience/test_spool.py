"""The spool, against a plain list of numbered rows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.resilience.spool import RANGES, Spool, united

ROW_BYTES = 16


def batch_of(times):
    times = np.array(times, dtype="datetime64[ns]")
    return Batch.of({"time": times, "value": np.zeros(len(times))})


PUSH = st.lists(st.integers(0, 500), max_size=6)


@given(
    st.lists(st.one_of(PUSH, st.just("write")), max_size=40),
    st.integers(1, 20),
    st.integers(1, 20 * ROW_BYTES),
)
def test_it_keeps_the_newest_in_order_and_counts_the_rest(steps, max_rows, max_bytes):
    spool, waiting, dropped, first = Spool(max_rows, max_bytes), [], [], 0
    for step in steps:
        if step == "write":
            entry = spool.peek()
            assert (entry is None) == (not waiting)
            if entry is not None:
                assert (entry.first, entry.batch.times.tolist()) == waiting.pop(0)
                spool.done(entry)
        else:
            spool.push(batch_of(step), first)
            if step:
                waiting.append((first, step))
            first += len(step)
            most = min(max_rows, max_bytes // ROW_BYTES)
            while len(waiting) > 1 and sum(len(times) for _, times in waiting) > most:
                dropped.append(waiting.pop(0))
        assert spool.rows == sum(len(times) for _, times in waiting)
        assert spool.nbytes == ROW_BYTES * spool.rows
        assert len(spool) == len(waiting)
        assert spool.dropped == sum(len(times) for _, times in dropped)
        covered = {at for start, stop in spool.holes() for at in range(start, stop)}
        spans = [(min(times), max(times)) for _, times in waiting + dropped]
        assert covered == {at for low, high in spans for at in range(low, high + 1)}


@given(
    st.lists(st.one_of(PUSH, st.sampled_from(["take", "done", "put back"])), max_size=60),
    st.integers(1, 20),
)
@example([[0], "take", [0, 0], [0] * 6, "put back"], 7)
def test_of_what_is_under_way_nothing_is_dropped_before_its_end_is_known(steps, max_rows):
    spool, first, written, dropped = Spool(max_rows), 0, 0, 0
    taken, leaving, kept = [], [], []  # sizes of batches by their first number in the latter two
    for step in steps:
        if step == "take":
            dropped += sum(count for _, count in leaving)
            taken, leaving = spool.several(max_rows), []
            assert [entry.first for entry in taken] == [begin for begin, _ in kept[: len(taken)]]
        elif step == "done":
            gone = {entry.first for entry in taken}
            for entry in taken:
                spool.done(entry)
                written += len(entry.batch)
            taken, leaving, kept = [], [], [each for each in kept if each[0] not in gone]
        elif step == "put back":
            spool.put_back()
            dropped += sum(count for _, count in leaving)
            taken, leaving = [], []
        elif step:
            spool.push(batch_of(step), first)
            kept.append((first, len(step)))
            first += len(step)
            while len(kept) > 1 and sum(count for _, count in kept) > max_rows:
                oldest = kept.pop(0)
                if any(entry.first == oldest[0] for entry in taken):
                    leaving.append(oldest)
                else:
                    dropped += oldest[1]
        assert spool.dropped == dropped
        assert spool.rows == sum(count for _, count in leaving + kept)
        assert spool.rows + dropped + written == first
        assert spool.nbytes == ROW_BYTES * spool.rows


def test_an_entry_that_was_dropped_while_it_was_written_takes_no_other_with_it():
    spool = Spool(max_rows=2)
    spool.push(batch_of([1, 2]), 0)
    entry = spool.peek()
    spool.push(batch_of([3, 4]), 2)
    spool.done(entry)
    assert spool.peek().first == 2
    assert spool.holes() == ((1, 5),) or spool.holes() == ((1, 3), (3, 5))


def test_what_nobody_keeps_is_forgotten():
    spool = Spool()
    spool.lose(10, 20)
    spool.lose(30, 40)
    spool.forget(20)
    assert spool.holes() == ((30, 40),)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 100)), max_size=300))
def test_ranges_are_few_and_hide_nothing(raw):
    ranges = [(start, start + size) for start, size in raw]
    found = united(ranges)
    assert len(found) <= RANGES
    assert all(before[1] < after[0] for before, after in pairwise(found))
    for start, stop in ranges:
        assert any(low <= start and stop <= high for low, high in found)


@pytest.mark.parametrize("bounds", [(0, 1), (1, 0)])
def test_bounds_that_cannot_be_are_refused(bounds):
    with pytest.raises(SettingError, match="max_rows and max_bytes"):
        Spool(*bounds)
