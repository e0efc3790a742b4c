from hypothesis import given
from hypothesis import strategies as st

from livewidget.resilience.cover import Cover

MEMBERS = "abc"
STEPS = st.lists(
    st.tuples(st.sampled_from(["event", "event", "connect", "cut"]), st.sampled_from(MEMBERS)),
    max_size=80,
)


class Connection:
    """As a WebSocket: after a loss it says of a gap before its first event, once it had any."""

    def __init__(self, resumes):
        self.up = False
        self.heard = False
        self.missing = False
        self.resumes = resumes  # as an event stream does: it says of none, for it has none
        self.pending = []


@given(STEPS, st.sets(st.sampled_from(MEMBERS)))
def test_all_that_nobody_saw_lies_in_a_gap_and_no_gap_is_said_while_one_was_there(steps, resuming):
    """Numbered events; the twin keeps for each whether a synchronised connection stood."""
    cover = Cover()
    connections = {name: Connection(name in resuming) for name in MEMBERS}
    seen, gaps, number, dark = set(), [], 0, False
    newest = None
    for step, name in steps:
        one = connections[name]
        if step == "connect" and not one.up:
            one.up, one.missing = True, one.heard
        elif step == "cut" and one.up:
            one.up = False
            cover.lost(name)
        elif step == "event":
            number += 1
            dark = dark or not any(cover.covers(each) for each in MEMBERS)
            for other_name, other in connections.items():
                if not other.up:
                    if other.resumes and other.heard:
                        other.pending.append(number)
                    continue
                if other.missing and not other.resumes:
                    assert not cover.misses(other_name)  # it does not cover yet
                other.missing, other.heard = False, True
                if cover.delivers(other_name):
                    assert dark
                    gaps.append((newest, number))
                seen |= {number, *other.pending}
                other.pending.clear()
                newest, dark = number, False
    if seen:
        unseen = set(range(min(seen), max(seen))) - seen
        assert all(any(low < each < high for low, high in gaps) for each in unseen)


def test_a_newcomer_does_not_count_before_its_first_event():
    cover = Cover()
    assert not cover.delivers("a")
    cover.lost("a")  # b has connected meanwhile, and has not delivered
    assert cover.delivers("b")
    assert not cover.delivers("b")


def test_while_one_covers_the_gaps_of_another_are_its_own():
    cover = Cover()
    cover.delivers("a")
    cover.delivers("b")
    cover.lost("a")
    assert not cover.misses("a")
    assert not cover.delivers("a")
    cover.lost("a")
    assert cover.misses("b")  # alone, and it says so itself


def test_what_goes_on_where_it_was_has_no_gap_unless_it_was_stopped():
    for stop, gap in ((Cover.lost, False), (Cover.stopped, True)):
        cover = Cover()
        cover.delivers("a")
        stop(cover, "a")
        assert cover.delivers("a") is gap
