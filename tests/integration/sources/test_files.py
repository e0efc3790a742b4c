"""Numbered lines of another process, while their file is renamed and truncated under it."""

import itertools
import math
import random
import subprocess
import sys
import textwrap

import pandas as pd
import pytest

from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.sources import FileSource
from livewidget.testing import wait_until

TURNS = 30

WRITER = textwrap.dedent(
    """
    import itertools, json, os, shutil, sys, threading, time

    path, order = sys.argv[1], []

    def listen():
        for line in sys.stdin:
            order.append(line.strip())
        order.append("end")

    threading.Thread(target=listen, daemon=True).start()
    file = open(path, "a")
    for n in itertools.count():
        file.write(json.dumps({"time": 1e9 + n, "n": n}) + "\\n")
        if n % 7 == 0:
            file.flush()
            time.sleep(0.0005)
        what = order.pop(0) if order else ""
        if what == "rename":
            os.rename(path, f"{path}.{n}")
            if n % 2:
                open(path, "w").close()  # as "create" of logrotate, before the writer knows
            file.write(json.dumps({"time": 1e9 + n + 0.5, "n": n + 0.5}) + "\\n")
            file.close()
            file = open(path, "a")
        elif what == "truncate":
            shutil.copy(path, f"{path}.copy")
            os.truncate(path, 0)
        elif what == "end":
            file.close()
        if what:
            print(n, flush=True)
        if what == "end":
            break
    """
)


def test_every_line_is_stored_or_lies_in_a_gap_that_is_told(tmp_path):
    path = tmp_path / "ticks.ndjson"
    source = FileSource(path, start="beginning", poll_s=0.003)
    dice = random.Random(7)
    with (
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer,
        DataStreamer(source) as streamer,
    ):
        told, last = {"rename": 0, "truncate": 0}, 0
        for _ in range(TURNS):
            # Something of each file is seen: what is cut off before that is nowhere.
            enough = last + dice.randrange(1, 500)
            wait_until(lambda: _numbers(streamer)[-1:] > [enough])  # noqa: B023
            what = dice.choice(list(told))
            told[what] += 1
            writer.stdin.write(what + "\n")
            writer.stdin.flush()
            last = int(writer.stdout.readline())
        writer.stdin.close()
        last = int(writer.stdout.readline())
        wait_until(lambda: _numbers(streamer)[-1:] == [last])
        account, seen = streamer.account(), _numbers(streamer)
        gaps = [(gap.start / 1e9 - 1e9, gap.stop / 1e9 - 1e9) for gap in streamer.gaps]
    assert all(before < after for before, after in itertools.pairwise(seen))
    lost = sorted(set(range(last + 1)) - set(seen))
    unexplained = [n for n in lost if not any(start < n < stop for start, stop in gaps)]
    assert unexplained == []
    assert sum(1 for n in seen if n % 1) + len(gaps) >= told["rename"]
    assert 0 < len(gaps) <= told["truncate"]
    assert account.received == account.stored + account.rejected
    # A cut in the midst of a line that was not flushed whole leaves its other half.
    assert account.rejected <= told["truncate"]


def _numbers(streamer):
    frame = streamer.to_dataframe()
    return frame["n"].tolist() if len(frame) else []


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_a_path_is_enough(tmp_path, form):
    frame = pd.DataFrame(
        {"time": pd.date_range("2026-01-01", periods=5, freq="1ms", tz="UTC"), "n": range(5)}
    )
    path = tmp_path / f"x.{form}"
    options = {"speed": math.inf} if form == "parquet" else {"follow": False}
    if form == "ndjson":
        rows = zip(frame["time"], frame["n"], strict=True)
        path.write_text("".join(f'{{"time": "{at.isoformat()}", "n": {n}}}\n' for at, n in rows))
    elif form == "csv":
        frame.to_csv(path, index=False)
    else:
        pytest.importorskip("pyarrow", reason="pyarrow is an extra")
        frame.to_parquet(path)
    with DataStreamer(path, **options) as streamer:
        wait_until(lambda: streamer.state[0] is State.ENDED)
        seen = streamer.to_dataframe()
    assert seen["n"].tolist() == [0, 1, 2, 3, 4]
    assert seen["time"].tolist() == frame["time"].tolist()
    assert streamer.account().rejected == 0
