import numpy as np
import pytest

from livewidget.data.errors import SettingError
from livewidget.sources import Synthetic
from livewidget.testing import ManualClock, RecordingOutlet, wait_for

KINDS = {
    "prices": lambda **o: Synthetic.prices(1000.0, symbols=("A", "B", "C"), **o),
    "sensors": lambda **o: Synthetic.sensors(1000.0, **o),
    "bursts": lambda **o: Synthetic.bursts(1000.0, every_s=0.5, length_s=0.1, **o),
    "gaps": lambda **o: Synthetic.gaps(1000.0, every_s=0.5, length_s=0.1, **o),
}


async def played(running, steps, make, **options):
    """Return the outlet after a run in which the clock moved by `steps`."""
    clock, outlet = ManualClock(), RecordingOutlet()
    task = running(make(count=1500, clock=clock, **options), outlet)
    while not task.done():
        await wait_for(lambda: clock.sleepers or task.done())
        clock.advance(next(steps))
    await task
    return outlet


def steps(*pattern):
    while True:
        yield from pattern


@pytest.mark.parametrize("kind", KINDS)
async def test_a_seed_fixes_the_values_however_the_chunks_fall(kind, running):
    even = await played(running, steps(0.02), KINDS[kind], seed=7)
    uneven = await played(running, steps(0.31, 0.02, 0.9), KINDS[kind], seed=7)
    other = await played(running, steps(0.02), KINDS[kind], seed=8)
    assert even.rows == uneven.rows
    assert even.rows != other.rows
    assert even.gaps == uneven.gaps
    assert all(np.isfinite(v) for row in even.rows for v in row.values() if v not in {*"ABC"})
    times = even.column("time")
    assert times == sorted(set(times))


async def test_prices_go_round_the_symbols(running):
    outlet = await played(running, steps(0.02, 0.05), KINDS["prices"])
    assert outlet.column("symbol") == ["A", "B", "C"] * 500
    assert all(row["bid"] < row["ask"] for row in outlet.rows)
    walk = np.array(outlet.column("bid"))[::3]
    assert np.abs(np.diff(walk)).max() < 0.1 < np.ptp(walk) * 10


async def test_events_are_spaced_by_the_rate(running):
    outlet = await played(running, steps(0.05), KINDS["sensors"])
    assert list(np.diff(outlet.column("time"))) == [1_000_000] * 1499


async def test_a_burst_is_dense_and_the_rest_sparse(running):
    outlet = await played(running, steps(0.05), KINDS["bursts"])
    times = np.array(outlet.column("time"))
    phase = (times - times[0]) // 1_000_000 % 500
    assert (phase < 100).sum() == 300
    assert 0 < (phase >= 100).sum() < 50


async def test_each_silence_is_a_gap(running):
    outlet = await played(running, steps(0.03), KINDS["gaps"])
    times = outlet.column("time")
    assert len(times) == 1200
    assert [(stop - start) // 1_000_000 for start, stop, _ in outlet.gaps] == [101, 101]
    assert all(start in times and stop in times for start, stop, _ in outlet.gaps)


async def test_a_stall_is_a_gap_and_not_a_flood(outlet, running, clock):
    running(Synthetic.sensors(100.0, clock=clock), outlet)
    await wait_for(lambda: clock.sleepers)
    clock.advance(3600.0)
    await wait_for(lambda: outlet.gaps)
    await wait_for(lambda: len(outlet.data) == 2)
    assert len(outlet.rows) == 1 + 100
    ((start, stop, reason),) = outlet.gaps
    assert "stalled" in reason
    assert 3598e9 < stop - start < 3600e9


@pytest.mark.parametrize(
    "make",
    [
        lambda: Synthetic.prices(0),
        lambda: Synthetic.prices(-1),
        lambda: Synthetic.prices(2e9),
        lambda: Synthetic.sensors(names=()),
        lambda: Synthetic.bursts(every_s=1, length_s=1),
        lambda: Synthetic.bursts(quiet=2),
        lambda: Synthetic.gaps(every_s=0, length_s=0),
    ],
)
def test_impossible_settings_are_refused(make):
    with pytest.raises(SettingError):
        make()
