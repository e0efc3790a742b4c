"""`livewidget`, as a shell runs it."""

import asyncio
import contextlib
import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from livewidget._version import __version__
from livewidget.app.main import main
from livewidget.sources import SseSource, WebSocketSource
from livewidget.testing import RecordingOutlet, SourceRunner, wait_for

COMMAND = [sys.executable, "-m", "livewidget"]


def heed_interrupts():
    """In a child: what a shell runs in the background, these tests perhaps, ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(*arguments, **options):
    defaults = {"capture_output": True, "text": True, "timeout": 60}
    return subprocess.run([*COMMAND, *arguments], check=False, **defaults | options)


def test_it_tells_its_version_and_how_it_is_used():
    assert run("--version").stdout == f"livewidget {__version__}\n"
    assert "produce" in run("--help").stdout
    assert "--rate" in run("produce", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["consume"], "invalid choice: 'consume'"),
        (["produce", "walk"], "the following arguments are required: to"),
        (["produce", "walk", "-", "--rate", "fast"], "--rate: invalid float value: 'fast'"),
        (["produce", "walk", "-", "--rate", "0"], "rate is events a second"),
        (["produce", "walk", "-", "--count", "0"], "count is a whole number above 0"),
        (["produce", "noise", "-"], "expected prices, sensors, orders, walk"),
        (["produce", "none.csv", "-"], "none.csv cannot be read"),
        (["produce", "walk", "ftp://user:secret@host"], "ftp:// is no sink"),
        (["produce", "walk", "ws://127.0.0.1:99999"], "host or port cannot be read"),
        (["produce", "walk", "-", "--set", "qos=1"], "FileSink has no option qos"),
        (["produce", "walk", "-", "--set", "qos"], "a setting is NAME=VALUE, got 'qos'"),
        (["produce", "walk", "-", "--set", "rate=1"], "--set is for options of the sink"),
        (["produce", "walk", "-", "--malformed", "7"], "malformed is a probability"),
        (["produce", "walk", "kafka://127.0.0.1"], "names no topic"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(arguments, message, capsys):
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(arguments))
    out, said = capsys.readouterr()
    assert (ended.value.code, out, said.count("\n")) == (2, "", 1)
    assert message in said
    assert "secret" not in said
    assert signal.getsignal(signal.SIGTERM) is handler


def test_the_shell_sees_the_line_and_the_code():
    done = run("produce", "walk", "ftp://host")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_the_standard_output_has_the_events_and_nothing_else():
    done = run("produce", "orders", "-", "--count", "50", "--rate", "5000", "--names", "X, Y")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [row["sequence"] for row in rows] == list(range(50))
    assert {row["symbol"] for row in rows} == {"X", "Y"}
    assert re.fullmatch(r"50 events in \d\.\d s, [\d,.]+ a second\n", done.stderr)


def test_a_recording_is_replayed_in_another_format(tmp_path):
    recording = tmp_path / "t.csv"
    recording.write_text("when,v\n2024-05-01 00:00:00,1\n2024-05-01 00:00:01,\n")
    done = run("produce", str(recording), "-", "--format", "csv", "--time", "when", "--rate", "1e3")
    assert list(csv.reader(done.stdout.splitlines())) == [
        ["when", "v"],
        ["2024-05-01T00:00:00.000000000Z", "1.0"],
        ["2024-05-01T00:00:01.000000000Z", ""],
    ]


def test_a_reader_that_leaves_ends_it_with_one_line():
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*COMMAND, "produce", "walk", "-"], **options) as process:
        process.stdout.readline()
        process.stdout.close()
        lines = process.stderr.read().decode().splitlines()
    assert process.returncode == 2
    assert len(lines) == 2, lines
    assert lines[1] == "livewidget: the standard output cannot be written: Broken pipe"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("scheme", "source"), [("ws", WebSocketSource), ("sse", SseSource)], ids=["ws", "sse"]
)
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_it_serves_until_it_is_interrupted_and_ends_with_the_summary(scheme, source, ending):
    port, outlet = free_port(), RecordingOutlet()
    target = f"{scheme}://127.0.0.1:{port}"
    url = target.replace("sse:", "http:")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": heed_interrupts}
    command = [*COMMAND, "produce", "orders", target, "--rate", "2000"]
    process = await asyncio.create_subprocess_exec(*command, **pipes)
    try:
        await wait_for(lambda: answers(port), 30)
        async with SourceRunner() as runner:
            runner.start(source(url, proxy=False if scheme == "sse" else None), outlet)
            await wait_for(lambda: len(outlet.column("sequence")) > 1_000, 30)
            process.send_signal(ending)
            out, summary = await process.communicate()
            last = int(summary.split()[0].replace(b",", b"")) - 1
            await wait_for(lambda: outlet.column("sequence")[-1] >= last)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert (process.returncode, out) == (0, b"")
    assert re.fullmatch(rb"[\d,]+ events in [\d.]+ s, [\d,.]+ a second; clients 1\n", summary)
    seen = outlet.column("sequence")
    assert seen == list(range(int(seen[0]), last + 1)), "the last went out too"


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_on_a_terminal_it_tells_once_a_second_how_it_goes(tmp_path):
    pty = pytest.importorskip("pty", reason="this system has no terminals of its own")
    ours, theirs = pty.openpty()
    arguments = ["produce", "walk", str(tmp_path / "t.csv"), "--rate", "500", "--duration", "1.5"]
    try:
        done = run(*arguments, capture_output=False, stderr=theirs, stdout=subprocess.DEVNULL)
        shown = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0
    assert re.search(r"t\.csv · \d{3} events · \d{3} a second", shown)
    assert re.search(r"\r\x1b\[K750 events in 1\.5 s, [45]\d\d\.\d a second\r\n$", shown)


def test_it_loads_no_widget_package():
    code = (
        "import sys, livewidget.app.main as m; m.main(['produce', 'walk', '-', '--count', '1']); "
        "widgets = {'IPython', 'anywidget', 'bqplot', 'ipykernel', 'ipywidgets', 'traitlets'}; "
        "assert not widgets & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
