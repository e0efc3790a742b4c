import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.data.errors import SettingError
from livewidget.resilience import Backoff


class Highest(random.Random):
    """Draws the upper end, so that the ceilings show."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_ceilings_double_up_to_the_cap():
    backoff = Backoff(0.1, 5.0, rng=Highest())
    delays = [backoff.next(0.0) for _ in range(9)]
    assert delays == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])


@given(seed=st.integers(), attempts=st.integers(0, 2000))
def test_a_delay_lies_between_zero_and_the_cap(seed, attempts):
    backoff = Backoff(0.1, 5.0, rng=random.Random(seed))
    backoff.attempt = attempts
    delay = backoff.next(0.0)
    assert delay is not None
    assert 0.0 <= delay <= min(5.0, 0.1 * 2.0 ** min(attempts, 64))


def test_the_jitter_is_full():
    backoff = Backoff(1.0, 1.0, rng=random.Random(1))
    delays = [backoff.next(0.0) for _ in range(4000)]
    counts = [sum(low <= d < low + 0.25 for d in delays) for low in (0, 0.25, 0.5, 0.75)]
    assert all(900 < count < 1100 for count in counts)


def test_attempts_are_counted_limited_and_forgotten():
    backoff = Backoff(attempts=2)
    assert backoff.next(0.0) is not None
    assert backoff.next(0.0) is not None
    assert backoff.attempt == 2
    assert backoff.next(0.0) is None
    assert backoff.attempt == 2
    backoff.reset()
    assert backoff.attempt == 0
    assert backoff.next(0.0) is not None


def test_no_delay_reaches_past_the_deadline():
    backoff = Backoff(4.0, 4.0, deadline_s=10.0, rng=Highest())
    assert backoff.next(100.0) == 4.0
    assert backoff.next(107.0) == 3.0
    assert backoff.next(110.0) is None
    backoff.reset()
    assert backoff.next(110.0) == 4.0


@pytest.mark.parametrize(
    "limits",
    [{"base_s": 0}, {"base_s": 2, "cap_s": 1}, {"attempts": -1}, {"deadline_s": -0.1}],
)
def test_impossible_limits_are_refused(limits):
    with pytest.raises(SettingError):
        Backoff(**limits)
