from hypothesis import given
from hypothesis import strategies as st

from livewidget.resilience.cover import Cover

MEMBERS = "abc"
STEPS = st.lists(
    st.tuples(st.sampled_from(["event", "event", "connect", "cut"]), st.sampled_from(MEMBERS)),
    max_size=80,
)


class Connection:
    """As a WebSocket: before the first event after a loss it says of a gap, once it had any.

    One that `resumes` says of none and delivers what it has missed, as an event stream does.
    """

    def __init__(self, name, cover, resumes):
        self.name, self.cover, self.resumes = name, cover, resumes
        self.up = self.heard = self.missing = False
        self.pending = []

    def connect(self):
        if not self.up:
            self.up, self.missing = True, self.heard

    def cut(self):
        self.up = False
        self.cover.lost(self.name)

    def event(self, number):
        """Return what is delivered, and whether there is a gap before it."""
        self.pending.append(number)
        if not self.up:
            self.pending = self.pending if self.resumes and self.heard else []
            return [], False
        if self.missing and not self.resumes:
            assert not self.cover.misses(self.name)  # it does not cover yet
        self.missing, self.heard = False, True
        delivered, self.pending = self.pending, []
        return delivered, self.cover.delivers(self.name)


@given(STEPS, st.sets(st.sampled_from(MEMBERS)))
def test_what_nobody_saw_lies_in_a_gap_and_none_is_said_while_one_was_there(steps, resuming):
    cover = Cover()
    connections = {name: Connection(name, cover, name in resuming) for name in MEMBERS}
    seen, gaps, number, newest, dark = set(), [], 0, None, False
    for step, name in steps:
        if step != "event":
            getattr(connections[name], step)()
            continue
        number += 1
        dark = dark or not any(map(cover.covers, MEMBERS))
        for connection in connections.values():
            delivered, gap = connection.event(number)
            assert dark or not gap
            gaps += [(newest, number)] if gap else []
            seen |= set(delivered)
            newest, dark = (number, False) if delivered else (newest, dark)
    unseen = set(range(min(seen, default=0), max(seen, default=0))) - seen
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
