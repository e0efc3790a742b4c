"""A minute of a free-running writer and eight readers, over a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..unit.engine.stress import Exchange, Stress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 60.0


@pytest.mark.timeout(600)
def test_no_snapshot_is_torn_and_no_row_goes_uncounted(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    stress = Stress(tmp_path / "kept")
    try:
        stress.run(SECONDS)
    finally:
        stress.close()
    record_property("rows", stress.written)
    record_property("turns", stress.turns)
    assert not stress.errors
    assert all(stress.turns.values())


def test_no_wake_up_is_lost(record_property: Callable[[str, object], None]) -> None:
    exchange = Exchange()
    exchange.run(SECONDS)
    record_property("turns", exchange.turns)
    record_property("longest turn (s)", round(exchange.longest_s, 4))
