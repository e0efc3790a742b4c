"""What lies too far ahead of the clock, and only that, is found."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.horizon import Horizon
from livewidget.testing import ManualClock

SCHEMA = Schema.of({"time": "time"}, "time")
NOW = 1_700_000_000_000_000_000
FARTHEST = 2**63 - 1


def batch_of(times):
    return Batch(SCHEMA, (np.array(times, dtype=np.int64),))


@given(st.lists(st.integers(NOW - 5 * 10**9, NOW + 5 * 10**9) | st.just(FARTHEST)))
def test_each_row_as_if_it_came_alone(times):
    beyond = Horizon(2.0, ManualClock(NOW)).beyond(batch_of(times))
    wanted = [time > NOW + 2 * 10**9 for time in times]
    assert (beyond is None) == (not any(wanted))
    assert beyond is None or beyond.tolist() == wanted


def test_the_clock_moves_it_on():
    clock = ManualClock(NOW)
    horizon = Horizon(1.0, clock)
    assert horizon.beyond(batch_of([NOW + 2 * 10**9])) is not None
    clock.advance(1.0)
    assert horizon.beyond(batch_of([NOW + 2 * 10**9])) is None


@pytest.mark.parametrize("most", [None, 1e12, 1e300])
def test_without_a_limit_and_with_one_past_all_times_nothing_is_beyond(most):
    assert Horizon(most, ManualClock(NOW)).beyond(batch_of([FARTHEST])) is None


@pytest.mark.parametrize("most", [-1, math.nan, math.inf, "1d"])
def test_a_limit_that_is_none_says_so(most):
    with pytest.raises(SettingError, match=f"max_ahead.*{most}"):
        Horizon(most, ManualClock(NOW))
