"""A process whose buffers share a budget of 256 MB under 1,000,000 samples a second.

`python budget_process.py SECONDS` fills the budget, goes on at that rate for so long, and prints
JSON: the samples a second and the part of a core that took, and the highest of what the buffers say
and of what the system gave them, in bytes.
"""

import gc
import json
import sys
import time

import numpy as np
import psutil

from livewidget.buffers.budget import Budget
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager

BUDGET = 256_000_000
STREAMS = 4
ROWS = 1_000  # in a batch, of two samples each
RATE = 1_000_000  # samples a second
SCHEMA = Schema.of({"time": "time", "a": "float", "b": "float"}, "time")
LOOK_EVERY = 8  # turns


class Load:
    """Four streams, of which two keep a history, and the highest figures seen."""

    def __init__(self, budget):
        self.budget = budget
        histories = ({"history": "1h"}, {"history": "1h", "tolerance": {"a": 1e-3}}, {}, {})
        self.buffers = [BufferManager(SCHEMA, budget=budget, **options) for options in histories]
        self.turns = self.most_said = self.most_given = 0
        self._noise = np.random.default_rng(1).normal(size=(2, 64 * ROWS)).cumsum(axis=1)
        self._process = psutil.Process()
        self._before = 0

    def begin(self):
        """Take what the process has now for its own."""
        gc.collect()
        self._before = self._process.memory_info().rss

    def turn(self):
        """Push a batch into each."""
        first = self.turns * ROWS
        times = (np.arange(first, first + ROWS) * 8_000).astype(np.int64)
        at = first % (63 * ROWS)
        for buffer in self.buffers:
            columns = (self._noise[:, at : at + ROWS]).copy()
            buffer.append(Batch(SCHEMA, (times.copy(), *columns)))
            self.most_said = max(self.most_said, self.said())
        self.turns += 1
        if self.turns % LOOK_EVERY == 0:
            given = self._process.memory_info().rss - self._before
            self.most_given = max(self.most_given, given)

    def said(self):
        return sum(buffer.stats()["memory"] for buffer in self.buffers)


def warm():
    """Have all that is loaded at its first use loaded before the measurement."""
    load = Load(Budget(4_000_000))
    for _ in range(300):
        load.turn()
    for buffer in load.buffers:
        buffer.close()


def main():
    seconds = float(sys.argv[1])
    warm()
    load = Load(Budget(BUDGET))
    load.begin()
    while load.said() < 0.9 * BUDGET and load.turns < 40_000:
        load.turn()
    filled, begun, worked = load.turns, time.monotonic(), time.process_time()
    while (now := time.monotonic() - begun) < seconds:
        load.turn()
        ahead = (load.turns - filled) * STREAMS * ROWS * 2 / RATE - now
        if ahead > 0:
            time.sleep(ahead)
    figures = {
        "rate": round((load.turns - filled) * STREAMS * ROWS * 2 / now),
        "cpu": round((time.process_time() - worked) / now, 2),
        "budget": BUDGET,
        "said": load.most_said,
        "at the end": load.said(),
        "given": load.most_given,
        "rows": [buffer.stats()["rows"] for buffer in load.buffers],
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
