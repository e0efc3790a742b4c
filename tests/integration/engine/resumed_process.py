"""A stream in windows, watched by rules, in a process that is killed and started again.

`python -m ... FOLDER ROWS`: pushes the numbers behind those that the folder holds, up to `ROWS`;
the windows of each key go to a store, the alerts to another. Writes how many there were, then how
many were pushed, and "done" once all is through."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from livewidget import DataStreamer, Schema
from livewidget.engine.checkpoint import Checkpoints
from livewidget.pipeline.alerts.rule import Rule
from livewidget.sinks import Sink
from livewidget.testing import wait_until

NUMBERS = Schema.of({"time": "time", "key": "text", "n": "float"}, "time")
START = 1_700_000_000  # long ago: a restart finds none of it in the buffer
CHUNK = 5
SIZE = 7  # seconds of a window


class Lines(Sink):
    """Appends a line for each row, and says so once it is with the system."""

    name = "lines"

    def __init__(self, path):
        self.path = path

    async def open(self):
        self.file = self.path.open("a")

    async def write(self, batch):
        self.file.writelines(json.dumps(row, default=str) + "\n" for row in batch.rows())
        self.file.flush()

    async def close(self):
        self.file.close()


def values(rows):
    return np.random.default_rng(1).normal(50, 20, rows)


def numbers(first, stop, rows):
    order = np.arange(first, stop)
    return {
        "time": START + order,
        "key": [f"k{n % 3}" for n in order],
        "n": values(rows)[first:stop],
    }


def windows_of(base, **options):
    stream = base.stream.group_by("key").window(f"{SIZE}s", wait="2s")
    metrics = {"total": ("n", "sum"), "middle": ("n", "median"), "spread": ("n", "std")}
    return stream.agg(**metrics).open(**options)


def alerts_of(base, **options):
    rule = Rule("high", "n > 60", for_="3s", clear="n < 40")
    return base.stream.alert(rule, by="key").open(**options)


def tell(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def run(folder, rows):
    base = DataStreamer(schema=NUMBERS, store=folder / "numbers", max_ahead=None)
    there = base.buffer.archive.store.rows
    every = {"every": "50ms"}
    windows = windows_of(base, store=folder / "windows", checkpoint=Checkpoints(**every))
    watched = alerts_of(base, checkpoint=Checkpoints("alerts", **every))
    watched.send_to(Lines(folder / "alerts.jsonl"), output="alerts")
    for each in (windows, watched):
        each.start()
    tell(there)
    for first in range(there, rows, CHUNK):
        base.push(numbers(first, min(first + CHUNK, rows), rows))
        tell(first + CHUNK)
        time.sleep(0.001)  # as a feed would: the kill is to fall in the middle
    last = (START + rows - 1 - 2) // SIZE * SIZE
    wait_until(lambda: (windows.buffer.span() or (0, 0))[1] >= last * 1_000_000_000, 30)
    wait_until(lambda: watched.account().in_flight == 0 and base.account().in_flight == 0, 30)
    wait_until(lambda: watched._runner.source.reached == str(rows), 30)
    for each in (watched, windows, base):
        each.stop()
    tell("done")


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
