import numpy as np
import pandas as pd
import pytest

from livewidget import DataStreamer
from livewidget.data.errors import SettingError
from livewidget.data.events import State
from livewidget.engine.joined import Joined, JoinSource, align, join_asof, join_within, union
from livewidget.engine.thread import Engine
from livewidget.pipeline.joins.asof import AsOf
from livewidget.pipeline.relating.correlation import Correlation
from livewidget.pipeline.relating.lead_lag import LeadLag
from livewidget.testing import ListSource, wait_until

T0 = 1_700_000_000.0


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def streamer(engine):
    """Makes streamers of tables that are cut into batches, and stops them in the end."""
    made = []

    def make(table, size=100, **options):
        rows = len(table["time"])
        items = [
            {name: list(values[at : at + size]) for name, values in table.items()}
            for at in range(0, rows, size)
        ]
        source = ListSource(items, **options)
        made.append(DataStreamer(source, time="time", engine=engine, by=None))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def ticks(seed, rows, column):
    rng = np.random.default_rng(seed)
    return {
        "time": int(T0) * 10**9 + np.cumsum(rng.integers(1, 40, rows)) * 10**6,
        "symbol": rng.choice(["A", "B", "C"], rows),
        column: rng.normal(size=rows).round(6),
    }


def frame_of(table):
    frame = pd.DataFrame(table)
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    return frame


def result(stream, engine):
    with stream.open(engine=engine) as streamer:
        assert streamer.wait(20), streamer.state
        assert streamer.state[0] is State.ENDED, streamer.state
        return streamer.to_dataframe()


def test_two_streams_join_as_pandas_joins_their_tables(streamer, engine):
    trades, quotes = ticks(1, 5_000, "price"), ticks(2, 20_000, "bid")
    stream = join_asof(
        streamer(trades, name="trades"), streamer(quotes, 700, name="quotes"), "symbol", "200ms"
    )
    ours = result(stream.calculate(spread="price - bid"), engine)
    left, right = frame_of(trades), frame_of(quotes)
    theirs = pd.merge_asof(left, right, on="time", by="symbol", tolerance=pd.Timedelta("200ms"))
    np.testing.assert_array_equal(ours["bid"], theirs["bid"])
    np.testing.assert_array_equal(ours["spread"], theirs["price"] - theirs["bid"])
    assert stream.counts["late"] == stream.counts["passed over"] == 0
    assert repr(stream) == "Stream(as-of join of trades, quotes)"


def test_a_stream_with_operators_and_another_join_are_sides_too(streamer, engine):
    a, b, c = (streamer(ticks(n, 1_000, f"v{n}"), name=f"s{n}") for n in range(3))
    first = join_asof(a.stream.calculate(twice="v0 * 2"), b, "symbol")
    ours = result(join_asof(first, c, "symbol"), engine)
    frames = [frame_of(ticks(n, 1_000, f"v{n}")) for n in range(3)]
    theirs = pd.merge_asof(frames[0], frames[1], on="time", by="symbol")
    theirs = pd.merge_asof(theirs, frames[2], on="time", by="symbol")
    for name in ("v0", "v1", "v2"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    np.testing.assert_array_equal(ours["twice"], theirs["v0"] * 2)


def test_aligned_columns_are_called_by_the_labels_of_a_mapping(streamer, engine):
    a, b = ticks(1, 2_000, "v"), ticks(2, 2_000, "v")
    stream = align({"left": streamer(a), "right": streamer(b)}, every="1s")
    ours = result(stream, engine)
    assert list(ours.columns) == ["time", "left_v", "right_v"]
    theirs = frame_of(a).set_index("time")["v"].resample("1s", closed="right", label="right").last()
    known = ours.set_index("time")["left_v"].dropna()
    expected = theirs.ffill().reindex(known.index).dropna()
    np.testing.assert_array_equal(known[expected.index], expected)


def test_a_union_has_all_rows_by_time(streamer, engine):
    a, b = ticks(1, 3_000, "v"), ticks(2, 1_000, "w")
    ours = result(union([streamer(a, name="x"), streamer(b, name="x")]), engine)
    assert ours["time"].is_monotonic_increasing
    assert ours["stream"].value_counts().to_dict() == {"x 1": 3_000, "x 2": 1_000}
    np.testing.assert_array_equal(ours["v"].dropna(), a["v"])


def test_pairs_within_a_duration(streamer, engine):
    a, b = ticks(1, 300, "v"), ticks(2, 300, "w")
    ours = result(join_within(streamer(a), streamer(b), 0.05, "symbol"), engine)
    pairs = frame_of(a).merge(frame_of(b), on="symbol")
    near = (pairs["time_x"] - pairs["time_y"]).abs() <= pd.Timedelta("50ms")
    assert len(ours) == near.sum() > 100
    assert (ours["lag_s"].abs() <= 0.05).all()


def test_a_long_history_on_one_side_waits_for_the_other(streamer, engine):
    joiner = AsOf("symbol", memory=2_000)
    quick, slow = streamer(ticks(1, 20_000, "v")), streamer(ticks(2, 20_000, "w"), 10)
    stream = Joined({"quick": quick, "slow": slow}, joiner)
    ours = result(stream, engine)
    theirs = pd.merge_asof(
        frame_of(ticks(1, 20_000, "v")), frame_of(ticks(2, 20_000, "w")), on="time", by="symbol"
    )
    np.testing.assert_array_equal(ours["w"], theirs["w"])
    assert sum(joiner.counts.values()) == 0


def test_a_side_that_is_silent_holds_the_other_no_longer_than_idle(engine):
    left, right = DataStreamer(engine=engine), DataStreamer(engine=engine)
    with join_asof(left, right, idle=0.05).open(engine=engine) as joined:
        right.push({"time": [T0], "rate": [1.5]})
        left.push({"time": [T0 + 1, T0 + 2], "v": [1.0, 2.0]})
        wait_until(lambda: len(joined.to_dataframe()) == 1)
        left.push({"time": [T0 + 3], "v": [3.0]})
        wait_until(lambda: len(joined.to_dataframe()) == 2)
        assert joined.to_dataframe()["rate"].tolist() == [1.5, 1.5]
        assert joined.state[0] is State.LIVE
    for each in (left, right):
        assert each.state[0] is State.WAITING or each.state[0] is State.LIVE  # their owner's still
        each.stop()


def test_a_side_that_fails_fails_the_join_once_all_has_come_through(streamer, engine):
    table = ticks(1, 500, "v")
    broken = streamer(table, name="broken", error=OSError("gone"))
    with union([broken, streamer(table, name="whole")]).open(engine=engine) as joined:
        assert joined.wait(20)
        assert joined.state[:2] == (State.FAILED, "SourceError: broken: OSError: gone")
        assert len(joined.to_dataframe()) == 1_000


def test_sides_that_do_not_fit_fail_with_the_reason(streamer, engine):
    left, right = streamer(ticks(1, 50, "v"), name="a"), streamer(ticks(2, 50, "w"), name="b")
    with join_asof(left, right, "price").open(engine=engine) as joined:
        assert joined.wait(20)
        state, detail, _ = joined.state
        assert state is State.FAILED
        assert (
            "an as-of join goes by 'price', which 'a' has not; it has 'time', 'symbol', 'v'"
            in detail
        )


def test_a_side_without_any_row_fails_with_the_reason(streamer, engine):
    nothing = DataStreamer(ListSource([], name="nothing"), engine=engine)
    with union([streamer(ticks(1, 50, "v")), nothing]).open(engine=engine) as joined:
        assert joined.wait(20)
        assert "nothing ended before its first row: its columns are not known" in joined.state[1]


def test_gaps_of_a_side_come_with_it(engine):
    left, right = DataStreamer(engine=engine), DataStreamer(engine=engine)
    with union({"l": left, "r": right}).open(engine=engine) as joined:
        left.push({"time": [T0], "v": [1.0]})
        right.push({"time": [T0], "v": [1.0]})
        wait_until(lambda: left._line.feed.active and right._line.feed.active)
        left.gap(None, None, "away")
        left.push({"time": [T0 + 9], "v": [1.0]})
        right.push({"time": [T0 + 20], "v": [1.0]})
        wait_until(lambda: any(gap.reason == "l: away" for gap in joined.gaps))
        left.stop()
        right.stop()
        assert joined.wait(20)
        assert len(joined.to_dataframe()) == 4


def test_a_stream_that_the_join_opened_is_closed_with_it(streamer, engine):
    held = streamer(ticks(1, 50, "v"), name="a", hold=True)
    other = streamer(ticks(2, 50, "w"), name="b", hold=True)
    joined = union([held.stream.where("v > 0"), other]).open(engine=engine)
    before = len(held._line.feed._subscriptions)
    with joined:
        wait_until(lambda: len(joined.to_dataframe()) > 10)
        assert len(held._line.feed._subscriptions) == before + 1
    wait_until(lambda: len(held._line.feed._subscriptions) == before)
    assert held.state[0] is State.LIVE


async def test_it_is_iterated_as_any_stream(streamer):
    table = ticks(1, 500, "v")
    rows = [len(batch) async for batch in union([streamer(table), streamer(table)])]
    assert sum(rows) == 1_000


def test_bad_input(streamer):
    side = streamer(ticks(1, 5, "v"))
    with pytest.raises(SettingError, match="expected DataStreamers and Streams to join, got 'ws:/"):
        join_asof(side, "ws://host")
    with pytest.raises(SettingError, match="union takes 2 to 100 streams, got 1"):
        union([side])
    with pytest.raises(SettingError, match="tolerance is a positive duration"):
        join_asof(side, side, tolerance="-1s")
    with pytest.raises(SettingError, match="expected a list of streams, or a mapping by label"):
        align(side, "1s")
    with pytest.raises(SettingError, match="schema is the stream's own already"):
        union([side, side]).open(schema=side.schema or object())
    with pytest.raises(SettingError, match="a pipeline is made of operators"):
        union([side, side]).pipe("v > 0")
    assert isinstance(JoinSource({"a": side, "b": side}, AsOf()), JoinSource)


def test_instruments_on_one_grid_show_which_go_together_and_which_leads(engine):
    rng = np.random.default_rng(5)
    walk = rng.normal(size=2_040).cumsum()
    times = [int(T0) * 10**9 + n * 10**8 for n in range(2_000)]
    late = {"btc": 30, "eth": 20, "sol": 0}  # steps of 100 ms that each is ahead of the last
    streamers = {
        name: DataStreamer(
            ListSource([{"time": times, "price": walk[ahead : ahead + 2_000]}], name=name),
            engine=engine,
        )
        for name, ahead in late.items()
    }
    grid = align(streamers, every="100ms")
    leads = LeadLag("btc_price", "eth_price", max_lag="3s", window="60s", every="60s", changes=True)
    found = result(grid.pipe(leads), engine)
    whole = found.iloc[1:-1]  # the first and the last window have an edge of the data in them
    assert whole["lag_s"].tolist() == [1.0] * len(whole)
    assert whole["correlation"].tolist() == pytest.approx([1.0] * len(whole))
    names = [f"{name}_price" for name in late]
    table = result(grid.pipe(Correlation(names, "100s", every="100s")), engine)
    last = table[table["time"] == table["time"].max()]
    assert len(last) == 9
    assert last["correlation"].iloc[0] == pytest.approx(1.0)
    for each in streamers.values():
        each.stop()
