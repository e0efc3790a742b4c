"""`kill -9` while the embedded store is written to, closings included: what was told is kept."""

import os
import random

import pytest

from .appending import Appender, check

if not hasattr(os, "fork"):
    pytest.skip("processes are forked here", allow_module_level=True)


@pytest.mark.parametrize(
    ("sync", "password"), [("strict", ""), ("interval", ""), ("os", ""), ("interval", "a word")]
)
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path, sync, password):
    chance = random.Random(sync + password)
    with Appender() as appender:
        for _ in range(5):
            acknowledged = appender.killed(tmp_path, sync, password, chance.randint(0, 25))
            check(tmp_path, sync, password, acknowledged)
