"""Killed in the middle of a window and started again: results equal those of a run without it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from livewidget import DataStreamer
from livewidget.data.batch import concat
from livewidget.storage.embedded import EmbeddedStore
from livewidget.testing import wait_until

from .resumed_process import NUMBERS, alerts_of, numbers, windows_of

ROOT = Path(__file__).parents[3]
PROCESS = "tests.integration.engine.resumed_process"
ROWS = 4_000
KILLS = 3


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a run that was killed some times on the way."""
    folder, chance = tmp_path_factory.mktemp("killed"), random.Random(11)
    began = []
    for turn in range(KILLS + 1):
        with subprocess.Popen(
            [sys.executable, "-m", PROCESS, str(folder), str(ROWS)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        ) as process:
            began.append(int(process.stdout.readline()))
            if turn < KILLS:
                goal = began[-1] + chance.randint(400, 900)
                assert any(int(line) >= goal for line in process.stdout)
                time.sleep(chance.uniform(0, 0.03))  # of which it knows nothing
                process.send_signal(signal.SIGKILL)
            else:
                assert process.stdout.read().endswith("\ndone\n")
    assert began == sorted(began)
    assert 0 < began[-1] < ROWS, "it was never killed in the middle"
    return folder


@pytest.fixture(scope="module")
def whole():
    """What a run without a kill gives: the windows that closed, and the alerts."""
    base = DataStreamer(schema=NUMBERS, max_ahead=None)
    windows, watched = windows_of(base).start(), alerts_of(base)
    alerts = watched.output("alerts").start()
    watched.start()
    base.push(numbers(0, ROWS, ROWS))
    wait_until(lambda: windows.account().filtered == watched.account().stored == ROWS)
    found = windows.to_dataframe()
    base.stop()
    assert alerts.wait(10)
    return found, alerts.to_dataframe()


def test_windows_in_a_store_are_there_once_and_in_order(killed, whole):
    with EmbeddedStore(killed / "windows", readonly=True) as store:
        found = concat([batch for _, batch in store.rows_from(0)]).to_dataframe()
    expected = whole[0]
    for frame in (found, expected):
        texts = frame.select_dtypes("category").columns
        frame[texts] = frame[texts].astype(str)
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-12)


def test_alerts_are_all_told_and_those_that_come_again_are_the_same(killed, whole):
    lines = (killed / "alerts.jsonl").read_text().splitlines()
    complete = [line for line in lines if line.endswith("}")]  # the last before a kill may be torn
    told = {(row["time"], row["key"], row["state"]) for row in map(json.loads, complete)}
    assert len(set(complete)) == len(told)
    rows = whole[1].itertuples()
    assert told == {(row.time.value, str(row.key), str(row.state)) for row in rows}
