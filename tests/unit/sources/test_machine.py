import math

from livewidget.sources import Machine
from livewidget.testing import wait_for

COLUMNS = ["time", "cpu", "memory", "disk_read", "disk_write", "net_received", "net_sent"]


async def test_it_reads_this_machine_at_its_interval(outlet, running):
    running(Machine(0.02), outlet)
    await wait_for(lambda: len(outlet.data) >= 3)
    rows = outlet.rows
    assert all(list(row) == COLUMNS for row in rows)
    assert all(0 <= row["memory"] <= 100 for row in rows)
    assert all(math.isnan(row["cpu"]) or 0 <= row["cpu"] <= 100 for row in rows)
    assert math.isnan(rows[0]["net_sent"])
    assert all(row["net_sent"] >= 0 for row in rows[1:])
    times = outlet.column("time")
    assert times == sorted(times)


def test_a_rate_is_the_difference_by_the_seconds_and_never_negative(clock):
    machine = Machine(clock=clock)
    machine._before = (1.0, (100.0, 0.0, 500.0, 0.0))
    assert machine._rates(3.0, (300.0, 0.0, 400.0, 1.0)) == (100.0, 0.0, 0.0, 0.5)
