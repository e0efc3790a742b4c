"""`livewidget run`, as a shell runs it."""

import json
import signal
import subprocess
import sys

import pytest

from livewidget.testing import WebSocketServer, wait_until

STREAM = """
[source]
path = "feed.ndjson"
follow = {follow}
start = "beginning"

[[pipeline]]
do = "validate"
n = {{ min = 0 }}

[[output]]
to = "out.ndjson"
"""


@pytest.fixture
def stream(tmp_path):
    def write(text=STREAM, follow="false"):
        rows = [{"time": 1e9 + n, "n": n} for n in (*range(50), -1)]
        lines = "\n".join(map(json.dumps, rows))
        (tmp_path / "feed.ndjson").write_text(lines + "\n")
        path = tmp_path / "stream.toml"
        path.write_text(text.format(follow=follow))
        return path

    return write


def livewidget(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "livewidget", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_stream_that_ends_is_run_to_its_end(stream, tmp_path):
    done = livewidget("run", stream())
    assert done.returncode == 0, done.stderr
    assert "ended: the source has ended" in done.stderr
    assert "received 51, stored 50, filtered 0, rejected 1, dropped 0, gaps 0" in done.stderr
    assert "1 times: n: below 0" in done.stderr
    numbers = [json.loads(line)["n"] for line in (tmp_path / "out.ndjson").open()]
    assert numbers == list(range(50))


def test_a_file_can_be_checked_without_running_it(stream, tmp_path):
    done = livewidget("run", stream(), "--check")
    assert done.returncode == 0
    assert "feed.ndjson → validate →" in done.stderr
    assert not (tmp_path / "out.ndjson").exists()


def test_what_is_wrong_is_one_line_with_file_and_line(stream):
    done = livewidget("run", stream("[source]\nurl = 'ws://host'\n\n[queue]\nrows = 0\n"))
    assert done.returncode == 2
    assert "stream.toml, line 4: rows is a whole number from 1 up" in done.stderr
    assert done.stderr.count("\n") == 1


def test_it_ends_after_its_duration(stream):
    done = livewidget("run", stream(follow="true"), "--duration", "1.5")
    assert done.returncode == 0, done.stderr
    assert "stored 50" in done.stderr
    assert livewidget("run", stream(), "--duration", "-1").returncode == 2


def test_an_interrupt_ends_it_with_a_summary(stream):
    with WebSocketServer() as server:
        text = f'[source]\nurl = "{server.url}"\n'
        running = subprocess.Popen(
            [sys.executable, "-m", "livewidget", "run", str(stream(text))],
            stderr=subprocess.PIPE,
            text=True,
            # What a shell runs in the background, these tests perhaps, ignores SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (nothing is locked in it)
        )
        wait_until(lambda: server.clients, 30)
        server.send({"n": 1})
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
    assert running.returncode == 0
    assert "ended: stopped" in told


def test_a_stream_that_fails_ends_with_1(stream):
    done = livewidget("run", stream('[source]\nurl = "ws://127.0.0.1:9"\nreconnect = false\n'))
    assert done.returncode == 1
    assert "failed: SourceError: nothing answers at 127.0.0.1:9" in done.stderr
