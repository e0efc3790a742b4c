import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.data.errors import SettingError
from livewidget.resilience import Circuit, CircuitBreaker


class SlowBreaker:
    """The twin: keeps the whole history, and reads every answer out of it anew."""

    def __init__(self, failures, open_s, window_s):
        self.failures, self.open_s, self.window_s = failures, open_s, window_s
        self.history = []

    def tell(self, what, now):
        self.history.append((what, now))

    def read(self, now):
        """(circuit, whether a probe is under way) at `now`."""
        opened, probe, failed = None, None, []
        for what, at in self.history:
            circuit = self.circuit(opened, at)
            if what == "trip":
                opened, probe = at, None
            elif what == "allow" and circuit is Circuit.HALF_OPEN:
                probe = at if probe is None or at - probe >= self.open_s else probe
            elif what == "success":
                failed = [] if opened is not None or self.window_s is None else failed
                opened = probe = None
            elif what == "failure" and circuit is Circuit.HALF_OPEN:
                opened, probe = at, None
            elif what == "failure" and circuit is Circuit.CLOSED:
                failed.append(at)
                window = float("inf") if self.window_s is None else self.window_s
                if sum(at - each < window for each in failed) >= self.failures:
                    opened, probe = at, None
        probing = probe is not None and now - probe < self.open_s
        return self.circuit(opened, now), probing

    def circuit(self, opened, now):
        if opened is None:
            return Circuit.CLOSED
        return Circuit.OPEN if now - opened < self.open_s else Circuit.HALF_OPEN


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["allow", "success", "failure", "failure", "trip"]),
        st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 5.0]),
    ),
    max_size=60,
)


@given(
    steps=STEPS,
    failures=st.integers(1, 4),
    open_s=st.sampled_from([0.5, 2.0, 4.0]),
    window_s=st.sampled_from([None, 0.5, 1.0, 3.0]),
)
def test_it_does_as_its_slow_twin(steps, failures, open_s, window_s):
    breaker = CircuitBreaker(failures, open_s=open_s, window_s=window_s)
    twin = SlowBreaker(failures, open_s, window_s)
    now = 100.0
    for what, passed in steps:
        now += passed
        circuit, probing = twin.read(now)
        assert breaker.state(now) is circuit
        assert (breaker.wait(now) == 0.0) is (
            circuit is Circuit.CLOSED or (circuit is Circuit.HALF_OPEN and not probing)
        )
        if what == "allow":
            free = circuit is Circuit.CLOSED or (circuit is Circuit.HALF_OPEN and not probing)
            assert breaker.allow(now) is free
        else:
            getattr(breaker, what)(*() if what == "success" else (now,))
        twin.tell(what, now)


@given(steps=STEPS)
def test_after_its_wait_an_attempt_may_be_made(steps):
    breaker, now = CircuitBreaker(2, open_s=2.0), 0.0
    for what, passed in steps:
        now += passed
        getattr(breaker, what)(*() if what == "success" else (now,))
        later = now + breaker.wait(now)
        assert breaker.state(later) is not Circuit.OPEN
        if breaker.wait(now) > 0:
            assert breaker.state(later - 0.01) is breaker.state(now)


def test_it_opens_probes_and_closes():
    breaker = CircuitBreaker(3, open_s=10.0)
    for now in (0.0, 1.0):
        breaker.failure(now)
        assert breaker.allow(now)
    breaker.failure(2.0)
    assert not breaker.allow(11.9)
    assert breaker.wait(2.0) == 10.0
    assert breaker.allow(12.0)
    assert not breaker.allow(12.0)  # one at a time
    breaker.failure(13.0)
    assert breaker.state(22.9) is Circuit.OPEN
    assert breaker.allow(23.0)
    breaker.success()
    assert breaker.state(24.0) is Circuit.CLOSED
    breaker.failure(25.0)
    assert breaker.allow(25.0)


def test_a_success_ends_a_row_and_no_window():
    row, window = CircuitBreaker(2), CircuitBreaker(2, window_s=5.0)
    for breaker in (row, window):
        breaker.failure(0.0)
        breaker.success()
        breaker.failure(2.0)
    assert row.allow(2.0)
    assert not window.allow(2.0)


@pytest.mark.parametrize("limits", [{"failures": 0}, {"open_s": 0}, {"window_s": 0}])
def test_impossible_limits_are_refused(limits):
    with pytest.raises(SettingError):
        CircuitBreaker(**limits)
