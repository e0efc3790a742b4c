"""What holds rows back, and what lets them go: watermarks, idle sides, full memory, the end."""

import pytest

from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.joins.base import Side
from livewidget.pipeline.joins.union import UnionJoin
from livewidget.pipeline.operator import Moment, Tally
from livewidget.testing import ManualClock

from .sides import batch_of, bind

PLAIN = Schema.of({"time": "time", "v": "float"}, "time")
BOTH = (PLAIN, PLAIN)


class Run:
    """A union of two sides whose every answer is looked at."""

    def __init__(self, **settings):
        self.clock = ManualClock()
        self.joiner = UnionJoin(None, **settings)
        self.bound = bind(self.joiner, BOTH, self.clock)
        self.tally = Tally()

    def put(self, side, *ticks):
        rows = batch_of(PLAIN, [(tick, float(tick)) for tick in ticks])
        return self.bound.step(side, rows, self.tally)["v"].tolist()

    def end(self, side):
        return self.bound.end(side, self.tally)["v"].tolist()

    def tick(self, *, final=False):
        return self.bound.tick(Moment(0, final), self.tally)["v"].tolist()


def test_a_row_waits_until_all_sides_have_got_past_it():
    run = Run()
    assert run.put(0, 1, 2, 3) == []
    assert run.put(1, 2) == [1]
    assert run.put(1, 3, 4) == [2, 2]
    assert run.put(0, 3, 9) == [3, 3, 3]
    assert run.tick(final=True) == [4, 9]


def test_what_comes_later_than_wait_is_counted_and_left_out():
    run = Run(wait="1s")
    assert run.put(0, 10, 6, 5, 20, 17) == []  # 5 is more than a second behind 10
    assert run.put(1, 30) == [6, 10]
    assert run.joiner.counts["late"] == 1
    assert run.tally.filtered == 1
    assert run.tick(final=True) == [17, 20, 30]


def test_whether_a_row_is_late_does_not_depend_on_the_other_side():
    before, after = Run(), Run()
    before.put(1, 100)
    before.put(0, 5, 3)
    after.put(0, 5, 3)
    after.put(1, 100)
    assert before.joiner.counts == after.joiner.counts
    assert before.joiner.counts["late"] == 1


def test_a_silent_side_holds_the_others_for_so_long_and_no_longer():
    run = Run(idle=5)
    assert run.put(1, 1) == []
    assert run.put(0, 2, 4, 6) == []  # of the time 1 another may come
    assert run.tick() == []
    run.clock.advance(4)
    assert run.put(0, 8) == []
    run.clock.advance(2)  # side 1 has been silent for 6 s
    assert run.tick() == [1, 2, 4, 6]
    assert run.put(0, 10) == [8]
    assert run.put(1, 3, 9, 10) == [9]  # 3 is before 8, which went on without it
    assert run.joiner.counts["passed over"] == 1
    assert run.tick(final=True) == [10, 10]


def test_a_side_that_nobody_listens_to_is_not_silent():
    run = Run(idle=5)
    run.put(1, 1)
    run.bound.hold(1, True)
    run.clock.advance(60)
    assert run.put(0, 2, 4) == []
    run.bound.hold(1, False)
    run.clock.advance(4)
    assert run.tick() == []
    run.clock.advance(2)
    assert run.put(0, 6) == [1, 2, 4]


def test_where_all_are_silent_nobody_waits_for_stragglers():
    run = Run(idle=5, wait="10s")
    run.put(0, 1, 2, 3)
    run.put(1, 1)
    run.clock.advance(6)
    assert run.tick() == [1, 1, 2]
    assert run.put(1, 3) == []
    assert run.tick(final=True) == [3, 3]


def test_without_idle_it_waits_for_ever():
    run = Run(idle=None)
    run.put(0, 1, 2)
    run.clock.advance(1e6)
    assert run.tick() == []
    assert run.end(1) == [1]
    assert run.end(0) == [2]


def test_memory_is_bounded_and_what_went_early_is_counted():
    run = Run(memory=4, idle=None)
    assert run.put(0, 1, 2, 3) == []
    assert not run.bound.blocked(1)
    assert run.bound.blocked(0)  # its share is half of the memory's half
    assert run.put(0, 4, 5, 6) == [1, 2]
    assert run.joiner.counts["released early"] == 2
    assert run.put(1, 1, 7) == [3, 4, 5]
    assert run.joiner.counts["passed over"] == 1
    assert not run.bound.blocked(0)


def test_labels_tell_the_sides_apart():
    side = Side("a", PLAIN)
    with pytest.raises(SettingError, match=r"have different labels; got \['a', 'a'\]"):
        UnionJoin().bind([side, side], ManualClock())
