"""Faults over numbered events: each number is stored, rejected with a reason, or inside a gap."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from . import numbered
from .faults import FaultRun
from .numbered import KINDS, Ledger, Newest, feed, wait_for_number

FAULTS = 15
NUMBERED = str(Path(numbered.__file__))


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_is_stored_rejected_or_inside_a_gap(kind):
    run = FaultRun(kind, random.Random(1))
    ledger = run.run(FAULTS)
    ledger.check(kind, run.proxy.duplicated)
    assert ledger.rejected
    assert sum(run.counts.values()) == FAULTS
    assert bool(ledger.account.filtered) == (kind != "poll")  # what came twice is stored once
    assert bool(ledger.gaps) == (kind == "websocket")


class Process:
    """A server of numbers in a process of its own, which can be killed."""

    def __init__(self, kind, begun, port=0):
        command = [sys.executable, NUMBERED, kind, str(port), str(begun)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self._process.stdout.readline())

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def due(begun):
    return int((time.time() - begun) * numbered.RATE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_killed_and_comes_back_is_gone_on_with(kind):
    begun = time.time()
    server = Process(kind, begun)
    try:
        with feed(kind, server.port, Newest()) as streamer:
            wait_for_number(streamer, due(begun) + 500)
            server.kill()
            killed = due(begun)
            server = Process(kind, begun, server.port)
            wait_for_number(streamer, killed + 500)
    finally:
        server.kill()
    ledger = Ledger(streamer)
    ledger.check(kind, duplicated=0)
    assert len(ledger.gaps) == (1 if kind == "websocket" else 0)
    assert ledger.stored[0] < killed < ledger.stored[-1]
