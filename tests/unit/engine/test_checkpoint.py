"""The state of operators: kept with its row, gone on from, or left for a reason."""

import numpy as np
import pytest

from livewidget import DataStreamer, Schema
from livewidget.codecs.state import pack, unpack
from livewidget.data.errors import SettingError
from livewidget.engine.checkpoint import Checkpoints
from livewidget.engine.thread import Engine
from livewidget.pipeline.calculate import Filter
from livewidget.sources.base import Source
from livewidget.storage.embedded import EmbeddedStore
from livewidget.testing import wait_until

from .sums import Sums

NUMBERS = Schema.of({"time": "time", "n": "float"}, "time")
START = 1_700_000_000


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def numbers(first, stop):
    return {"time": [START + n for n in range(first, stop)], "n": list(range(first, stop))}


def sums(rows, stop):
    return [float(sum(range(first, first + rows))) for first in range(0, stop - rows + 1, rows)]


class Counting(Source):
    """Sends numbers `limit` of them, and knows how far it is."""

    name = "counting"

    def __init__(self, limit, most=5):
        self.next, self.limit, self.most = 0, limit, most

    @property
    def reached(self):
        return str(self.next)

    def go_on(self, position):
        self.next = int(position)

    async def run(self, outlet):
        while self.next < self.limit:
            stop = min(self.next + self.most, self.limit)
            outlet.emit(numbers(self.next, stop))
            self.next = stop
            await outlet.ready()


def base_of(folder, engine):
    return DataStreamer(schema=NUMBERS, store=folder, max_ahead=None, engine=engine)


def results_of(folder):
    with EmbeddedStore(folder) as store:
        return [value for _, batch in store.rows_from(0) for value in batch["sum"].tolist()]


def through(stream, rows):
    """Wait until so many rows have been worked on."""
    wait_until(lambda: stream.account().filtered >= rows and not stream.account().in_flight)


def run_derived(folder, engine, first, stop, operator, **options):
    """Push numbers into a stream with a store, and work on them in one that reads it."""
    base = base_of(folder / "numbers", engine)
    derived = base.stream.pipe(operator).start(**options)
    base.push(numbers(first, stop))
    wait_until(lambda: derived._runner.source.reached == str(stop))
    through(derived, 1)
    derived.stop()
    found = derived.to_dataframe()
    base.stop()
    return [] if found.empty else found["sum"].tolist()


def test_a_stream_of_a_stream_goes_on_in_the_middle_of_what_it_held(tmp_path, engine):
    options = {"checkpoint": "sums"}
    assert run_derived(tmp_path, engine, 0, 10, Sums(4), **options) == [6, 22]
    assert run_derived(tmp_path, engine, 10, 21, Sums(4), **options) == [38, 54, 70]


def test_results_in_a_store_of_their_own_are_there_once(tmp_path, engine):
    for first, stop in ((0, 10), (10, 21), (21, 40)):
        run_derived(tmp_path, engine, first, stop, Sums(4), store=tmp_path / "sums")
    assert results_of(tmp_path / "sums") == sums(4, 40)


def test_a_checkpoint_of_before_gives_again_only_what_is_not_stored(tmp_path, engine):
    """The state on disk is older than the results: what comes again is passed over."""
    run_derived(tmp_path, engine, 0, 10, Sums(4), store=tmp_path / "sums")
    with EmbeddedStore(tmp_path / "sums") as store:
        early = store.load("state-pipeline")
    run_derived(tmp_path, engine, 10, 21, Sums(4), store=tmp_path / "sums")
    with EmbeddedStore(tmp_path / "sums") as store:
        store.save("state-pipeline", early)
    run_derived(tmp_path, engine, 21, 40, Sums(4), store=tmp_path / "sums")
    assert results_of(tmp_path / "sums") == sums(4, 40)


def test_the_state_of_a_source_with_positions_lies_with_the_results(tmp_path, engine):
    for limit in (10, 25, 40):
        source, settings = Counting(limit), Checkpoints(every=0.01)
        streamer = DataStreamer(
            source, pipeline=Sums(4), store=tmp_path, engine=engine, checkpoint=settings
        )
        streamer.start()
        wait_until(lambda source=source, limit=limit: source.next == limit)
        streamer.stop()
    # whether it had ended by itself or was stopped: none of the rows is in two sums
    assert sum(results_of(tmp_path)) == sum(range(40))


def test_a_source_that_ended_gives_the_rest_and_one_that_was_stopped_keeps_it(tmp_path, engine):
    base = base_of(tmp_path / "numbers", engine)
    derived = base.stream.pipe(Sums(4)).start(checkpoint="sums")
    base.push(numbers(0, 6))
    through(derived, 6)
    base.stop()  # the stream that is read may go on later
    assert derived.wait(10)
    assert derived.to_dataframe()["sum"].tolist() == [6]
    with DataStreamer(Counting(6), pipeline=Sums(4), engine=engine) as ended:
        assert ended.wait(10)
        assert ended.to_dataframe()["sum"].tolist() == [6, 9]


def test_a_stream_that_is_stopped_before_its_reader_waits_for_its_state(tmp_path, engine, caplog):
    for first, stop in ((0, 10), (10, 21)):
        base = base_of(tmp_path / "numbers", engine)
        derived = base.stream.pipe(Sums(4)).start(checkpoint=Checkpoints("sums", every=3_600))
        base.push(numbers(first, stop))
        base.stop()
        assert derived.wait(10)
        found = derived.to_dataframe()["sum"].tolist()
        derived.stop()
    assert found == [38, 54, 70]
    assert "not kept" not in caplog.text


def test_a_state_that_is_too_old_is_left_and_said_so(tmp_path, engine, caplog):
    run_derived(tmp_path, engine, 0, 10, Sums(4), checkpoint="sums")
    with EmbeddedStore(tmp_path / "numbers") as store:
        kept = unpack(store.load("state-sums"))
        store.save("state-sums", pack(kept | {"at": kept["at"] - 3_600_000_000_000}))
    again = Checkpoints("sums", most_age="30m")
    assert run_derived(tmp_path, engine, 10, 14, Sums(4), checkpoint=again) == [46]
    assert "their state is 3,60" in caplog.text


def test_a_state_of_other_operators_is_left_and_said_so(tmp_path, engine, caplog):
    run_derived(tmp_path, engine, 0, 10, Sums(4), checkpoint="sums")
    assert run_derived(tmp_path, engine, 10, 13, Sums(3), checkpoint="sums") == [33]
    assert "the sums are of 3 rows, those kept of 4" in caplog.text


@pytest.mark.parametrize("damage", [b"", b"nonsense", pack({"at": "then"}), pack({"source": 3})])
def test_a_damaged_state_is_left_and_said_so(tmp_path, engine, caplog, damage):
    run_derived(tmp_path, engine, 0, 10, Sums(4), checkpoint="sums")
    with EmbeddedStore(tmp_path / "numbers") as store:
        store.save("state-sums", damage)
    run_derived(tmp_path, engine, 10, 14, Sums(4), checkpoint="sums")
    with EmbeddedStore(tmp_path / "numbers") as store:
        kept = unpack(store.load("state-sums"))  # a good one is there again
    assert kept["position"] == "14"


def test_streams_of_one_stream_keep_their_states_under_names(tmp_path, engine):
    for first, stop in ((0, 10), (10, 24)):
        base = base_of(tmp_path, engine)
        fours = base.stream.pipe(Sums(4)).start(checkpoint="fours")
        fives = base.stream.pipe(Sums(5)).start(checkpoint="fives")
        base.push(numbers(first, stop))
        for stream in (fours, fives):
            wait_until(lambda stream=stream, stop=stop: stream._runner.source.reached == str(stop))
            stream.stop()
        base.stop()
    assert fours.to_dataframe()["sum"].tolist() == sums(4, 24)[2:]
    assert fives.to_dataframe()["sum"].tolist() == sums(5, 24)[2:]


def more_than_is_held(folder, engine):
    """Sum 10 numbers, then let 2,990 come that nobody sums, of years ago: none stays in memory."""
    run_derived(folder, engine, 0, 10, Sums(4), checkpoint="sums")
    base = base_of(folder / "numbers", engine)
    for first in range(10, 3_000, 10):
        base.push(numbers(first, first + 10))
    base.stop()


def position_in(folder):
    with EmbeddedStore(folder) as store:
        return unpack(store.load("state-sums"))["position"]


def test_a_run_in_which_nothing_comes_keeps_the_place(tmp_path, engine):
    """Its operators hold what came before: without the place the next rows would be passed over."""
    more_than_is_held(tmp_path, engine)
    for _ in range(2):  # the first has to catch up, the second has nothing to do
        base = base_of(tmp_path / "numbers", engine)
        derived = base.stream.pipe(Sums(4)).start(checkpoint="sums")
        wait_until(lambda derived=derived: derived._runner.source.reached == "3000")
        derived.stop()
        base.stop()
        assert position_in(tmp_path / "numbers") == "3000"


def test_rows_that_have_left_the_buffer_are_read_from_the_store(tmp_path, engine):
    """Between two runs of the sums more came than the buffer holds."""
    more_than_is_held(tmp_path, engine)
    base = base_of(tmp_path / "numbers", engine)  # of years ago: none of it is in memory
    assert base.buffer.span() is not None
    derived = base.stream.pipe(Sums(4)).start(checkpoint="sums")
    through(derived, 2_990)
    derived.stop()
    base.stop()
    assert derived.to_dataframe()["sum"].tolist() == sums(4, 3_000)[2:]


def test_what_is_pushed_goes_on_after_a_stop_and_begins_anew_after_a_crash(tmp_path, engine):
    def stream():
        options = {"pipeline": Sums(4), "store": tmp_path, "max_ahead": None, "engine": engine}
        return DataStreamer(schema=NUMBERS, **options)

    streamer = stream()
    streamer.push(numbers(0, 6))
    streamer.stop()
    streamer = stream()
    streamer.push(numbers(6, 9))
    wait_until(lambda: streamer.account().filtered == 3)
    # as a crash would leave it now
    assert unpack(streamer.buffer.archive.load_state("pipeline"))["state"] is None
    streamer.stop()
    assert results_of(tmp_path) == [6, 22]


def test_results_of_rows_that_do_not_come_again_are_never_passed_over(tmp_path, engine):
    """The stream that is read has no store: after a crash its rows are gone, and new ones come."""
    early = None
    for first in (0, 100):
        base = DataStreamer(schema=NUMBERS, engine=engine)
        settings = Checkpoints(every=3_600)
        derived = base.stream.pipe(Sums(4)).start(store=tmp_path, checkpoint=settings)
        base.push(numbers(first, first + 4))
        through(derived, 4)
        engine.wait_for(derived._runner._bookmark._keep(None), 10)
        early = early or derived.buffer.archive.load_state("pipeline")
        base.push(numbers(first + 4, first + 12))
        through(derived, 12)
        derived.stop()
        base.stop()
        with EmbeddedStore(tmp_path) as store:
            store.save("state-pipeline", early)  # as a crash would have left it
    assert results_of(tmp_path) == [6, 22, 38, 406, 422, 438]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "Hot!"}, "a checkpoint's name is made of a-z, 0-9, - and _, got 'Hot!'"),
        ({"name": ""}, "a checkpoint's name is made of"),
        ({"every": 0}, "every is a positive duration"),
        ({"most_age": "-1s"}, "most_age is a positive duration"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, message):
    with pytest.raises(SettingError, match=message):
        Checkpoints(**settings)


def test_a_checkpoint_without_a_place_is_an_error_at_the_door(engine):
    base = DataStreamer(schema=NUMBERS, engine=engine)
    with pytest.raises(SettingError, match="checkpoint='sums' needs a place for the state"):
        base.stream.pipe(Sums(4)).open(checkpoint="sums", engine=engine)
    with pytest.raises(SettingError, match="a source to be read again"):
        DataStreamer(pipeline=Sums(4), checkpoint="sums", engine=engine)


def test_operators_without_a_memory_go_on_where_they_were(tmp_path, engine):
    for first, stop in ((0, 10), (10, 30)):
        base = base_of(tmp_path / "numbers", engine)
        kept = tmp_path / "even"
        derived = base.stream.pipe(Filter("n % 2 == 0")).start(store=kept, engine=engine)
        base.push(numbers(first, stop))
        through(derived, (stop - first) // 2)
        derived.stop()
        base.stop()
    with EmbeddedStore(tmp_path / "even") as store:
        found = np.concatenate([batch["n"] for _, batch in store.rows_from(0)])
    np.testing.assert_array_equal(found, np.arange(0, 30, 2))
