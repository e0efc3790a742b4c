"""Two hundred times `kill -9` while the embedded store is written to."""

import random

import pytest

from ..integration.storage.appending import Appender, check


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("sync", "password"), [("strict", ""), ("interval", ""), ("os", ""), ("interval", "a word")]
)
def test_fifty_kills_lose_nothing(tmp_path, record_property, sync, password):
    chance, rows = random.Random(sync + password), 0
    with Appender() as appender:
        for turn in range(50):
            folder = tmp_path / str(turn // 10)
            folder.mkdir(exist_ok=True)
            acknowledged = appender.killed(folder, sync, password, chance.randint(0, 60))
            rows = max(rows, check(folder, sync, password, acknowledged))
    record_property("rows of the largest store", rows)
