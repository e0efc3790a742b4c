"""What goes to a sink: in batches, tried again, held or dropped while it is down, refused rows."""

import asyncio

import pytest

from livewidget import DataStreamer, Schema
from livewidget.data.errors import RejectedError, SettingError, SinkError
from livewidget.engine.outputs import Delivery
from livewidget.engine.thread import Engine
from livewidget.sinks import Sink
from livewidget.testing import wait_until

NUMBERS = Schema.of({"time": "time", "n": "float"}, "time")


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def numbers(first, stop):
    return {"time": [1e9 + n for n in range(first, stop)], "n": list(range(first, stop))}


class Told(Sink):
    """Keeps what it is given, and raises what it is told to: `fails` for a number of calls."""

    name = "told"

    def __init__(self, fails=0, error=SinkError, refuses=()):
        self.batches, self.numbers, self.opened, self.closed = [], [], 0, 0
        self.fails, self.error, self.refuses = fails, error, set(refuses)
        self.down = False

    async def open(self):
        self.opened += 1
        if self.down:
            raise SinkError("nobody answers")

    async def write(self, batch):
        raise NotImplementedError

    async def write_from(self, batch, first):
        if self.fails or self.down:
            self.fails -= 1
            raise self.error("not now")
        values = [int(n) for n in batch["n"]]
        bad = [place for place, n in enumerate(values) if n in self.refuses]
        self.numbers.append(first)
        self.batches.append([n for n in values if n not in self.refuses])
        if bad:
            raise RejectedError("it is odd", bad)

    async def close(self):
        self.closed += 1

    @property
    def got(self):
        return [n for batch in self.batches for n in batch]


@pytest.fixture
def streamer(engine):
    streamer = DataStreamer(schema=NUMBERS, engine=engine)
    yield streamer
    streamer.stop()


def balanced(output, rows):
    stats = output.stats()
    parts = ("written", "rejected", "dropped", "waiting")
    assert sum(stats[part] for part in parts) == rows, stats


def test_rows_come_in_batches_of_a_size_with_their_numbers(streamer):
    sink = Told()
    output = streamer.send_to(sink, batch_rows=4, batch_s=60)
    streamer.push(numbers(0, 10))
    wait_until(lambda: output.written == 8)
    assert (sink.batches, sink.numbers) == ([[0, 1, 2, 3], [4, 5, 6, 7]], [0, 4])
    balanced(output, 10)
    streamer.stop()  # what waits for company goes now
    assert sink.batches[-1] == [8, 9]
    assert sink.closed


def test_rows_wait_for_company_no_longer_than_they_are_told(streamer):
    sink = Told()
    output = streamer.send_to(sink, batch_s=0.05)
    for n in range(5):
        streamer.push(numbers(n, n + 1))
    wait_until(lambda: output.written == 5)
    assert len(sink.batches) < 5


def test_outputs_of_one_name_are_told_apart(streamer):
    """Their metrics and their stages go by it: one would hide the other."""
    for _ in range(3):
        streamer.send_to(Told())
    assert [each.name for each in streamer.outputs] == ["told", "told (2)", "told (3)"]


def test_a_sink_that_fails_gets_the_same_rows_with_the_same_numbers_again(streamer, caplog):
    sink = Told(fails=3)
    output = streamer.send_to(sink)
    streamer.push(numbers(0, 5))
    wait_until(lambda: output.written == 5)
    assert (sink.got, sink.numbers, sink.opened) == ([*range(5)], [0], 4)
    assert (output.retried, output.error, output.state) == (3, "", "writing")
    assert [r.getMessage() for r in caplog.records] == [
        "the output told fails, its rows wait: not now"
    ]


def test_while_a_sink_is_down_the_stream_goes_on_and_all_comes_later(streamer, monkeypatch):
    monkeypatch.setattr("livewidget.engine.outputs._OPEN_S", 0.05)
    sink = Told()
    sink.down = True
    output = streamer.send_to(sink)
    for n in range(0, 1_000, 10):
        streamer.push(numbers(n, n + 10))
    wait_until(lambda: output.retried >= 6)
    assert (output.state, output.error) == ("failing", "nobody answers")
    assert not streamer.full
    balanced(output, 1_000)
    sink.down = False
    wait_until(lambda: output.written == 1_000)
    assert sink.got == [*range(1_000)]


def test_past_its_room_the_source_is_held(streamer):
    sink = Told()
    sink.down = True
    output = streamer.send_to(sink, spool_rows=50, batch_rows=10)
    for n in range(0, 150, 10):
        streamer.push(numbers(n, n + 10))
    wait_until(lambda: output.stats()["waiting"] == 150)
    assert output._spool.rows <= 50
    sink.down = False
    wait_until(lambda: output.written == 150)
    assert sink.got == [*range(150)]
    assert not output.stats()["dropped"]


def test_or_the_oldest_are_dropped_and_counted(streamer):
    sink = Told()
    sink.down = True
    output = streamer.send_to(sink, spool_rows=50, batch_rows=10, when_full="drop_oldest")
    streamer.push(numbers(0, 10))
    wait_until(lambda: output.retried)  # these are under way from now on
    for n in range(10, 1_000, 10):
        streamer.push(numbers(n, n + 10))
    wait_until(lambda: output.stats()["dropped"] == 940)
    sink.down = False
    wait_until(lambda: output.written == 60)
    assert sink.got == [*range(10), *range(950, 1_000)]
    balanced(output, 1_000)


def test_rows_that_are_refused_are_dead_letters_and_stop_nothing(streamer):
    sink = Told(refuses={1, 3, 12})
    output = streamer.send_to(sink, batch_rows=10)
    streamer.push(numbers(0, 20))
    wait_until(lambda: output.written == 17)
    assert sink.got == [n for n in range(20) if n not in (1, 3, 12)]
    assert [letter.payload["n"] for letter in output.letters] == [1, 3, 12]
    assert {letter.reason for letter in output.letters} == {"it is odd"}
    assert output.reasons == {"it is odd": 3}
    balanced(output, 20)


def test_rows_on_which_a_sink_raises_anything_are_tried_and_then_refused(streamer):
    sink = Told(fails=3, error=ZeroDivisionError)
    output = streamer.send_to(sink, batch_rows=5)
    streamer.push(numbers(0, 10))
    wait_until(lambda: output.written == 5)
    assert sink.got == [5, 6, 7, 8, 9]
    assert output.reasons == {"ZeroDivisionError: not now": 5}
    balanced(output, 10)


def test_a_setting_that_is_wrong_gives_it_up_and_says_why(streamer, caplog):
    output = streamer.send_to(Told(fails=1, error=SettingError))
    streamer.push(numbers(0, 10))
    wait_until(lambda: output.given_up)
    assert (output.state, output.error) == ("given up", "not now")
    assert "the output told was given up: not now" in caplog.text
    streamer.push(numbers(10, 20))  # nobody is held
    streamer.drain()
    assert streamer.account().stored == 20


def test_one_that_is_down_at_the_end_is_left_after_a_while(streamer, monkeypatch):
    monkeypatch.setattr("livewidget.engine.streamer._WRITE_S", 0.2)
    sink = Told()
    sink.down = True
    output = streamer.send_to(sink)
    streamer.push(numbers(0, 10))
    streamer.stop()
    assert output.stats()["dropped"] == 10
    balanced(output, 10)


def test_who_waits_for_it_to_catch_up_waits_for_what_came_before(streamer, engine):
    sink = Told(fails=2)
    output = streamer.send_to(sink)
    streamer.push(numbers(0, 100))
    streamer.drain()
    engine.wait_for(asyncio.wait_for(output.caught_up(), 10), 10)
    assert sink.got == [*range(100)]


def test_in_a_store_rows_have_numbers_and_a_later_process_goes_on_with_what_was_not_delivered(
    tmp_path, engine, monkeypatch
):
    monkeypatch.setattr("livewidget.engine.streamer._WRITE_S", 0.2)
    whole, numbers_seen = [], []
    for first, stop, down in ((0, 10, False), (10, 30, True), (30, 40, True), (40, 60, False)):
        streamer = DataStreamer(schema=NUMBERS, store=tmp_path, max_ahead=None, engine=engine)
        sink = Told()
        sink.down = down
        output = streamer.send_to(sink)
        streamer.push(numbers(first, stop))
        streamer.drain()
        if not down:
            engine.wait_for(output.caught_up(), 10)
        streamer.stop()
        whole += sink.got
        numbers_seen += sink.numbers[:1]
    assert whole == [*range(60)]
    assert numbers_seen == [0, 10]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_rows": 0}, "batch_rows is a whole number from 1 up, got 0"),
        ({"batch_s": -1}, "batch_s is a number of seconds from 0 up, got -1"),
        ({"spool_rows": 1.5}, "spool_rows is a whole number"),
        ({"when_full": "explode"}, "when_full is 'hold' or 'drop_oldest', got 'explode'"),
    ],
)
def test_settings_that_cannot_be_are_named(options, message):
    with pytest.raises(SettingError, match=message):
        Delivery(**options)
