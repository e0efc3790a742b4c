"""A second of a free-running writer and eight readers."""

from livewidget.testing import ListStore

from .stress import Exchange, Stress

SECONDS = 1.0


def test_no_snapshot_is_torn_and_no_row_goes_uncounted(record_property):
    stress = Stress(ListStore())
    try:
        stress.run(SECONDS)
    finally:
        stress.close()
    record_property("rows", stress.written)
    record_property("turns", stress.turns)
    assert not stress.errors
    assert all(stress.turns.values())


def test_no_wake_up_is_lost(record_property):
    exchange = Exchange()
    exchange.run(SECONDS)
    record_property("turns", exchange.turns)
    record_property("longest turn (s)", round(exchange.longest_s, 4))
    assert exchange.turns > 10
