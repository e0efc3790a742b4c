"""A chart that looks further back than its ring shows what one view of all rows would show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.schema import Schema
from livewidget.data.viewport import Viewport
from livewidget.engine.buffer import BufferManager
from livewidget.engine.past import Past, Stretch
from livewidget.engine.session import ChartSession
from livewidget.engine.streamer import DataStreamer
from livewidget.sketches.extremes import MAX, MIN
from livewidget.sources.base import Source
from livewidget.testing import LastingStore, ManualClock
from livewidget.view.view import View

from .rig import NO_ENGINE

S = 1_000_000_000
MS = 1_000_000
SCHEMA = Schema.of({"time": "time", "y": "float"}, "time")


def batch_of(seconds, values=None):
    times = np.round(np.asarray(seconds, dtype=float) * 1e9).astype(np.int64)
    found = np.sin(times / 7e9) * 10 if values is None else np.asarray(values, dtype=float)
    return Batch(SCHEMA, (times, found))


def keyed(seconds, keys):
    times = np.asarray(seconds, dtype="datetime64[s]")
    return {"time": times, "y": np.arange(len(keys)), "s": list(keys)}


class Charted:
    """One chart on a small ring before a store, and time that is told to pass."""

    def __init__(self, store=None, *, window=60.0, y=("y",), by=None, buffer_by=None, **options):
        self.store = LastingStore(by=by) if store is None else store
        self.clock = ManualClock()
        options = {"max_rows": 100, "store": self.store, "clock": self.clock} | options
        self.buffer = BufferManager(by=by if buffer_by is None else None, **options)
        self.streamer = DataStreamer(
            buffer=self.buffer, by=by, engine=NO_ENGINE, clock=self.clock, max_ahead=None
        )
        self.session = ChartSession(1, self.streamer, y=y, by=by, window=window)
        self.told = 0
        self.session.on_past = self.count

    def count(self):
        self.told += 1

    def push(self, data, *, flush=True):
        self.streamer.push(data)
        self.streamer.drain()
        assert not flush or self.buffer.flush(5.0)

    def look(self, start, stop, token=1):
        """Look at a range in s, 100 pixels wide; return the frame."""
        self.session.look(Viewport(100, (round(start * S), round(stop * S)), token))
        return self.session.advance()

    def notice(self):
        return self.session.notice(self.clock.now())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.store.down, self.store.full = "", False
        self.buffer.close()


@pytest.fixture
def charted():
    with Charted() as charted:
        yield charted


def seconds_of(frame, line=0):
    """The times in s of all the points of a line in a snapshot."""
    (diff,) = [diff for diff in frame.series if diff.series == line]
    return (diff.x[~np.isnan(diff.y)] + frame.origin) / 1e9


def names(frame):
    return [each["name"] for each in frame.meta["series"]]


def buckets(session):
    """The least and the greatest of each bucket, by its number."""
    summary = session._view.summaries()[0]
    lows, highs = summary.values[MIN, 0].tolist(), summary.values[MAX, 0].tolist()
    return {
        place: (low, high)
        for place, low, high in zip(summary.ids.tolist(), lows, highs, strict=True)
    }


def view_of(batch, look):
    """The buckets of a view of all rows at once."""
    view = View(1, ("y",), window=60 * S)
    view.look(look, 60 * S)
    view.rebuild(batch.times, np.array([batch["y"]]))
    summary = view.summaries()[0]
    inside = slice(*np.searchsorted(summary.ids, np.array(view.reach) // view.width))
    return summary.ids[inside], summary.values[MIN, 0][inside], summary.values[MAX, 0][inside]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**31),
    st.integers(150, 1500),
    st.sampled_from([0.0, 0.05, 0.3]),
    st.floats(-5, 70),
    st.floats(0.5, 90),
    st.integers(20, 300),
)
def test_a_view_equals_one_of_all_rows_but_for_a_bucket(seed, rows, late, start, length, pixels):
    random = np.random.default_rng(seed)
    times = np.cumsum(random.exponential(60 / rows, rows))
    times -= np.where(random.random(rows) < late, random.exponential(5, rows), 0)
    batch = batch_of(times, random.normal(size=rows))
    look = Viewport(pixels, (round(start * S), round((start + length) * S)), 1)
    with Charted() as charted:
        for low in range(0, rows, 50):
            charted.push(batch.take(slice(low, low + 50)), flush=False)
        assert charted.buffer.flush(5.0)
        charted.session.look(look)
        charted.session.advance()
        found = buckets(charted.session) if charted.session._view.summaries() else {}
        ids, lows, highs = view_of(batch, look)
        width = charted.session._view.width
        since = charted.buffer.ring_since // width
        for place, low, high in zip(ids.tolist(), lows.tolist(), highs.tolist(), strict=True):
            # A bucket of the past that lies across two of these shows what it has in one of them.
            near = [found[each] for each in (place - 1, place, place + 1) if each in found]
            assert min(each[0] for each in near) <= low
            assert max(each[1] for each in near) >= high
            if place > since:
                assert found[place] == (low, high)
        shown = {value for pair in found.values() for value in pair}
        assert shown <= set(batch["y"].tolist()), "no value that never was"


def test_what_the_ring_has_lost_is_there_at_once_and_once(charted):
    charted.push(batch_of(np.arange(0, 400)))
    frame = charted.look(0, 400)
    assert charted.session.advance() is None, "nothing is left to be drawn"
    seen = seconds_of(frame)
    assert seen[0] == 0
    assert seen[-1] == 399
    assert np.diff(seen).max() <= 8, "there is no hole where the past meets the ring"
    assert charted.notice() == ""
    frame = charted.look(250, 280)
    assert seconds_of(frame).tolist() == [*range(249, 282)], "each row, and one to each side"


def test_a_following_view_wider_than_the_ring_goes_on_live(charted):
    """As behind a restart: the ring has a little, the window is long."""
    charted.push(batch_of(np.arange(0, 390)))
    charted.session.set_window(300)
    frame = charted.session.advance()
    assert seconds_of(frame)[0] == pytest.approx(89, abs=3)
    charted.push(batch_of(np.arange(390, 400)))
    frame = charted.session.advance()
    assert not frame.snapshot, "live goes on by what is new"
    assert (frame.series[0].x[-1] + frame.origin) / 1e9 == 399
    assert frame.stop + frame.origin == 399 * S


def test_behind_a_restart_the_chart_begins_with_what_was(charted):
    for first in range(0, 300, 50):
        charted.push(batch_of(np.arange(first, first + 50)))
    charted.buffer.close()
    with Charted(charted.store, window=200) as again:
        assert again.buffer.restore(250 * S) == 50
        frame = again.session.advance()
        assert seconds_of(frame).min() == pytest.approx(98, abs=2)
        assert seconds_of(frame).max() == 299
        again.push(batch_of([300, 301]))
        again.session.advance()
        (everything,) = again.look(-10, 400).series
        drawn = ~np.isnan(everything.y)
        assert (np.diff(everything.x[drawn]) > 0).all(), "nothing twice"
        assert np.diff(everything.x).max() <= 5 * S, "and no hole"
        assert (~drawn).sum() == 1, "the line is broken where nothing was running"


class Numbered(Source):
    """One that can go on behind what it has reached."""

    name = "numbered"

    def go_on(self, position):
        self.position = position

    async def run(self, outlet):
        raise NotImplementedError


@pytest.mark.parametrize(("position", "gaps"), [("41", 0), (None, 1)])
def test_a_source_that_goes_on_where_it_was_leaves_no_gap(charted, position, gaps):
    charted.push(batch_of([1, 2]))
    if position is not None:
        charted.buffer.archive.keep("numbered", position)
    charted.buffer.close()
    with BufferManager(store=charted.store) as buffer:
        streamer = DataStreamer(Numbered(), buffer=buffer, engine=NO_ENGINE, clock=charted.clock)
        streamer.push(batch_of([9]))
        assert len(streamer.gaps) == gaps


def test_without_a_restore_all_is_past(charted):
    charted.push(batch_of(np.arange(0, 300)))
    charted.buffer.close()
    with Charted(charted.store) as again:
        assert seconds_of(again.look(0, 310))[-1] == 299


def test_keys_keep_labels_and_places_across_ring_and_past():
    with Charted(by="s", max_rows=6) as charted:
        charted.push(keyed([1, 2, 3], "abc"))
        charted.push(keyed(range(100, 106), "cbcbcb"))
        assert names(charted.session.advance()) == ["b", "c"]
        frame = charted.look(0, 110)
        assert names(frame) == ["b", "c", "a"], "those that were there keep their colours"
        drawn = {diff.series: diff.y.tolist() for diff in frame.series}
        assert drawn[2] == [0.0]
        assert drawn[1][0] == 2.0
        charted.push(keyed([106], "d"))
        frame = charted.session.advance()
        assert names(frame) == ["b", "c", "a", "d"]
        assert names(charted.look(0, 50)) == ["b", "c", "a", "d"]


def test_keys_of_a_process_before_that_the_ring_never_had():
    with Charted(by="s") as charted:
        charted.push(keyed([1, 2, 3, 4], "abab"))
        charted.buffer.close()
        with Charted(charted.store, by="s") as again:
            again.push(keyed([10, 11], "bc"))
            frame = again.look(0, 20)
            by_name = dict(zip(names(frame), (diff.y for diff in frame.series), strict=True))
            known = {name: y[~np.isnan(y)].tolist() for name, y in by_name.items()}
            assert known == {"a": [0.0, 2.0], "b": [1.0, 3.0, 0.0], "c": [1.0]}


def test_keys_of_a_chart_on_a_buffer_that_knows_of_none():
    """Rows chosen without regard to keys would leave out all but the extremes."""
    store = LastingStore()
    with Charted(store, by="s", buffer_by=False, max_rows=10) as charted:
        charted.push(keyed([*range(1000)], "abc" * 333 + "a"))
        frame = charted.look(0, 1000)
        counts = [len(diff.x) for diff in frame.series]
        assert len(counts) == 3
        assert min(counts) > 0.9 * max(counts)


def test_a_store_that_is_down_is_named_and_the_picture_goes_on(charted):
    charted.push(batch_of(np.arange(0, 400)))
    charted.store.down = "no route"
    frame = charted.look(200, 400)
    assert seconds_of(frame)[0] == pytest.approx(300, abs=2), "what the ring has"
    assert charted.notice() == "the past before 1970-01-01 00:04:59 UTC is missing: list: no route"
    charted.session.look(Viewport(100, None, 2))
    charted.session.advance()
    assert charted.notice() == "", "it is not in sight"
    charted.push(batch_of([400]), flush=False)
    assert charted.session.advance() is not None


def test_a_store_that_comes_back_is_asked_again_by_itself(charted):
    charted.push(batch_of(np.arange(0, 400)))
    charted.store.down = "no route"
    charted.look(200, 400)
    told = charted.told
    charted.store.down = ""
    assert charted.session.advance() is None, "not at each beat"
    charted.clock.advance(6)
    frame = charted.session.advance()
    assert charted.told == told + 1
    assert seconds_of(frame)[0] == pytest.approx(198, abs=2)
    assert charted.notice() == ""


class FullStore(LastingStore):
    """One that can be read and takes nothing more."""

    full = False

    def append(self, batch, first):
        if self.full:
            raise StoreError("the disk is full")
        super().append(batch, first)


def test_a_range_in_the_middle_is_named_by_both_its_ends():
    with Charted(FullStore()) as charted:
        charted.push(batch_of(np.arange(0, 200)))
        charted.store.full = True
        charted.push(batch_of(np.arange(200, 400)), flush=False)
        at = seconds_of(charted.look(100, 400))
        assert at[0] == pytest.approx(98, abs=2)
        assert not ((at > 200) & (at < 299)).any(), "neither in the ring nor written"
        said = charted.notice()
        assert said.startswith("the past from 1970-01-01 00:03:20 to 1970-01-01 00:04:59 UTC is")
        assert said.endswith("missing: list: rows have not been written")


def test_a_paused_chart_shows_nothing_that_came_later(charted):
    charted.push(batch_of(np.arange(0, 200)))
    charted.session.advance()
    charted.session.pause(charted.clock.now())
    charted.push(batch_of(np.arange(200, 600)))
    assert seconds_of(charted.look(50, 550))[-1] == 199
    assert seconds_of(charted.look(100, 300))[-1] == 199
    charted.session.resume(charted.clock.now())
    assert seconds_of(charted.look(50, 550))[-1] == pytest.approx(552, abs=6)


def test_rows_late_into_the_past_are_drawn_and_stay(charted):
    charted.push(batch_of(np.arange(0, 400), np.zeros(400)))
    charted.look(100, 400)
    charted.push(batch_of([200.5], [42]))
    late = charted.session.advance()
    assert late.series[0].y.max() == 42
    frame = charted.look(110, 400)
    assert frame.series[0].y.max() == 42, "though what is held of the past is older than the row"
    charted.push(batch_of(np.arange(400, 600), np.zeros(200)))
    charted.clock.advance(11)
    assert charted.look(120, 400).series[0].y.max() == 42, "though the ring has let go of it"


def test_history_in_memory_is_a_past_too():
    with Charted(store=None, history="1h") as charted:
        charted.push(batch_of(np.arange(0, 400)))
        assert seconds_of(charted.look(0, 400))[0] == 0


def test_a_stretch_serves_what_lies_in_it_at_about_its_width():
    held = Stretch(0, 100, 10)
    assert held.covers(Stretch(0, 100, 10))
    assert held.covers(Stretch(20, 30, 100))
    assert not held.covers(Stretch(-1, 100, 10))
    assert not held.covers(Stretch(20, 30, 5)), "too coarse"
    assert not held.covers(Stretch(20, 30, 1000)), "too fine to be drawn again and again"
    assert Stretch(0, 100, 10).widened() == Stretch(-50, 150, 10)


class Beside:
    """Another thread that does its work when it is told to."""

    def __init__(self):
        self.jobs = []

    def __call__(self, job, done):
        self.jobs.append((job, done))

    def run(self):
        job, done = self.jobs.pop(0)
        try:
            result = job()
        except Exception as error:  # noqa: BLE001  (as an engine does)
            result = error
        done(result)


@pytest.fixture
def fetched(charted):
    """A past of 400 s whose fetches wait to be run."""
    charted.push(batch_of(np.arange(0, 400)))
    beside, arrived = Beside(), []
    now = charted.clock.now
    past = Past(charted.buffer, None, beside, now, lambda: arrived.append(None))
    return charted, past, beside, arrived


def test_one_stretch_is_fetched_at_a_time_and_the_newest_wish_comes_next(fetched):
    _, past, beside, arrived = fetched
    assert past.rows(0, 10 * S, S) is None
    for start in (100, 110, 200, 250):
        assert past.rows(start * S, (start + 20) * S, S) is None
    assert len(beside.jobs) == 1
    beside.run()
    assert len(beside.jobs) == 1
    beside.run()
    assert (len(beside.jobs), len(arrived)) == (0, 2)
    rows = past.rows(250 * S, 270 * S, S)
    assert rows is not None
    assert (rows.times // S).tolist() == [*range(249, 271)]
    past.rows(241 * S, 261 * S, S)
    assert not beside.jobs, "a small move is at hand"


def test_what_takes_long_is_told_and_what_does_not_is_not(fetched):
    charted, past, beside, _ = fetched
    past.rows(0, 10 * S, S)
    assert not past.loading
    charted.clock.advance(0.5)
    assert past.loading
    beside.run()
    assert not past.loading


def test_what_fails_is_told_and_tried_again_later_not_at_each_look(fetched):
    charted, past, beside, arrived = fetched
    past.rows(0, 10 * S, S)
    _, done = beside.jobs.pop()
    done(OSError("the disk is gone"))
    assert len(arrived) == 1
    lack = past.lacks(5 * S, 6 * S)
    assert lack is not None
    assert lack.reason == "the disk is gone"
    assert past.lacks(100 * S, 110 * S) is None
    past.rows(0, 10 * S, S)
    past.tend()
    assert not beside.jobs
    charted.clock.advance(6)
    past.tend()
    beside.run()
    assert past.lacks(5 * S, 6 * S) is None
    assert past.rows(0, 10 * S, S) is not None
    past.tend()
    assert not beside.jobs


def test_a_past_before_everything_is_not_asked_for_again_and_again(fetched):
    _, past, beside, _ = fetched
    past.rows(-100 * S, -50 * S, S)
    beside.run()
    assert past.rows(-100 * S, -50 * S, S) is None
    past.tend()
    assert not beside.jobs
