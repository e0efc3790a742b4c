"""Replayed history gives the windows and the alerts that live gave, to the event."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from livewidget import DataStreamer, Recording
from livewidget.pipeline.alerts.rule import Rule
from livewidget.testing import wait_until

SENSORS = ("a", "b", "c")
CHUNKS = 60
RULES = [
    Rule("hot", "temperature > 19", for_="10ms", clear="temperature < 17"),
    Rule("silent", "no data for 250ms"),
    Rule("jump", "rate(temperature) > 400 per 1s"),
    Rule("both", "hot and not silent"),
]


def chunks(rng):
    """Rows of now, some out of order; one sensor is silent for a while."""
    for turn in range(CHUNKS):
        size = int(rng.integers(1, 40))
        late = rng.exponential(0.01, size)
        silent = 20 <= turn < 40
        names = rng.choice(SENSORS[: 2 if silent else 3], size)
        yield {
            "time": time.time() - late,
            "sensor": names.tolist(),
            "temperature": 20 + 2 * np.sin(turn / 6) + rng.normal(0, 1, size),
        }


def worked_on(base):
    """The windows and the alerts of a stream, at work; and what reads the alerts."""
    windows = (
        base.stream.group_by("sensor")
        .window("200ms", slide="100ms", wait="20ms", lateness="100ms", early="50ms")
        .agg(mean=("temperature", "mean"), p95=("temperature", "p95"), n=("temperature", "count"))
        .start()
    )
    watched = base.stream.alert(*RULES, by="sensor", grace="50ms").open()
    alerts = watched.output("alerts").start()
    return windows, watched.start(), alerts


def told(streamer, *keys):
    """All rows, in the order in which they came for each key."""
    frame = streamer.to_dataframe()
    texts = frame.select_dtypes("category").columns
    frame[texts] = frame[texts].astype(str)
    return frame.sort_values(list(keys), kind="stable").reset_index(drop=True)


def test_windows_and_alerts_are_the_same(tmp_path):
    base = DataStreamer()
    parts = worked_on(base)
    recorder = base.record(tmp_path / "recorded")
    for chunk in chunks(np.random.default_rng(4)):
        base.push(chunk)
        time.sleep(0.02)  # the clock finds some of the alerts, and not the next row
    wait_until(lambda: base.account().in_flight == 0)
    recorder.stop()
    base.stop()
    for part in parts:
        assert part.wait(10)
    windows, _, alerts = parts
    live = told(windows, "sensor"), told(alerts, "rule", "key")

    again = DataStreamer(Recording(tmp_path / "recorded").replay(speed=float("inf")))
    replayed = worked_on(again)
    again.start()
    for part in replayed:
        assert part.wait(10)
    found = told(replayed[0], "sensor"), told(replayed[2], "rule", "key")

    assert set(live[0]["result"]) == {"early", "final", "correction"}
    assert {*live[1]["rule"]} == {"hot", "silent", "jump", "both"}
    for before, after in zip(live, found, strict=True):
        # A sum over other batches may differ in its last digit, and in nothing else.
        pd.testing.assert_frame_equal(before, after, check_exact=False, rtol=1e-12)
