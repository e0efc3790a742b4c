"""After any history the buckets in sight are those of all rows in the buffer, counted afresh."""

from hypothesis import given, settings

from ...unit.view.brute import buckets_of, same, seen
from .history import History, histories


def in_reach(view, buckets):
    start, stop = (edge // view.width for edge in view.reach)
    return {place: each for place, each in buckets.items() if start <= place < stop}


@settings(max_examples=120, deadline=None)
@given(histories)
def test_the_view_shows_what_the_buffer_holds(steps):
    history = History(1, keyed=False, every=False, limit=2**20)
    for name, *values in steps:
        if name == "frame":
            history.frame()
        else:
            getattr(history, name)(*values)
    if history.session.paused:
        history.resume()
    history.frame()
    view = history.session._view
    rows = history.streamer.buffer.snapshot()
    for line, name in enumerate("yz"):
        wanted = buckets_of(rows.times.tolist(), rows[name].tolist(), view.width)
        found = seen(view.summaries()[0], line)
        assert same(in_reach(view, found), in_reach(view, wanted))


@settings(max_examples=60, deadline=None)
@given(histories)
def test_a_paused_picture_is_of_the_rows_before_the_pause(steps):
    history = History(1, keyed=False, every=False, limit=2**20)
    head = None
    for name, *values in steps:
        if name == "frame":
            history.frame()
        elif name not in ("pause", "resume"):
            getattr(history, name)(*values)
        if head is None and len(history.streamer.to_dataframe()) > 40:
            history.frame()
            history.pause()
            head = history.streamer.buffer.ring.head
    if head is None:
        return
    history.frame()
    view = history.session._view
    rows = history.streamer.buffer.ring.snapshot(0, head)
    wanted = buckets_of(rows.times.tolist(), rows["y"].tolist(), view.width)
    found = seen(view.summaries()[0], 0)
    assert same(in_reach(view, found), in_reach(view, wanted))
