"""A join is charted in one line, as any stream."""

from livewidget import DataStreamer
from livewidget.engine.joined import align, join_asof, union
from livewidget.testing import ListSource, wait_until

T0 = 1_700_000_000 * 10**9


def streamer(name, column, shift=0):
    times = [T0 + shift + n * 10**8 for n in range(300)]
    return DataStreamer(
        ListSource([{"time": times, column: [1.0 * n for n in range(300)]}], name=name)
    )


def test_a_join_and_a_grid_are_charts_in_one_line(make):
    trades, quotes = streamer("trades", "price"), streamer("quotes", "bid", 5 * 10**7)
    spread = join_asof(trades, quotes).calculate(spread="price - bid")
    chart = make(spread, y="spread", max_ahead=None)
    wait_until(lambda: len(chart.to_dataframe()) == 300)
    assert chart.to_dataframe()["spread"].iloc[1:].eq(1.0).all()
    both = make(align([trades, quotes], every="1s"))
    wait_until(lambda: len(both.to_dataframe()) == 31)
    stream = union([trades, quotes.stream.rename(bid="price")])
    assert stream.by == "stream"  # a series of each
    all_of_them = make(stream)
    wait_until(lambda: len(all_of_them.to_dataframe()) == 600)
    assert set(all_of_them.to_dataframe()["stream"]) == {"trades", "quotes"}
    chart.close()
    assert trades.state[0].value == "ended"  # by itself: it is its owner's
    for each in (trades, quotes):
        each.stop()
