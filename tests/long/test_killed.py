"""A recorder that is killed a hundred times beside its acknowledgements: no loss, none twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from ..integration.engine.killed import KINDS, kill_again_and_again

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KILLS = 100


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_every_event_is_in_the_folder_once(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    sent, ids = kill_again_and_again(kind, tmp_path / "kept", KILLS, random.Random(11))
    record_property("kills", KILLS)
    record_property("events", sent)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(range(sent))
