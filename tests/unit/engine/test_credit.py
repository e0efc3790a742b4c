from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.engine.credit import ACK_S, AHEAD_S, OPEN_LOOP_S, Credit


def test_what_is_under_way_spans_two_acknowledgement_intervals():
    assert AHEAD_S == 2 * ACK_S
    credit = Credit()
    for tick in range(1, 200):
        now = tick / 30
        if not credit.may_send(now, deaf=False):
            break
        credit.sent(tick, now)
    assert credit.oldest_age(now) > AHEAD_S
    assert credit.behind == 61
    credit.acked(30)
    assert credit.may_send(now, deaf=False)


def test_deaf_it_sends_at_a_slow_rate_whatever_is_under_way():
    credit = Credit()
    credit.sent(1, 0.0)
    assert not credit.may_send(100.0, deaf=False)
    assert credit.may_send(100.0, deaf=True)
    credit.sent(2, 100.0)
    assert not credit.may_send(100.0 + OPEN_LOOP_S / 2, deaf=True)
    assert credit.may_send(100.0 + 1.01 * OPEN_LOOP_S, deaf=True)


def test_an_old_acknowledgement_takes_nothing_back():
    credit = Credit()
    for tick in range(1, 6):
        credit.sent(tick, tick)
    credit.acked(4)
    credit.acked(2)
    assert (credit.acked_tick, credit.behind) == (4, 1)


def test_what_is_lost_is_not_waited_for():
    credit = Credit()
    credit.sent(1, 0.0)
    credit.lost()
    assert (credit.behind, credit.oldest_age(9.0)) == (0, 0.0)
    assert credit.may_send(9.0, deaf=False)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 4)), max_size=80))
def test_no_tick_goes_out_while_one_is_older_than_two_intervals(steps):
    credit, now, tick, acked = Credit(), 0.0, 0, 0
    sent = {}
    for wait, heard in steps:
        now += wait
        acked = min(tick, acked + heard)
        credit.acked(acked)
        waiting = [sent[each] for each in sent if each > acked]
        assert credit.behind == len(waiting)
        if credit.may_send(now, deaf=False):
            assert not waiting or now - min(waiting) <= AHEAD_S
            tick += 1
            sent[tick] = now
            credit.sent(tick, now)
