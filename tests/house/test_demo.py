"""`make demo`: JupyterLab answers at the address that is printed, and stops with the script."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 30


@pytest.fixture
def taken_port():
    """A port that something else listens at; the demo has to go on to another."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def demo(taken_port):
    script = ROOT / "scripts" / "demo.py"
    command = [sys.executable, script, "--no-browser", "--port", str(taken_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield process
        process.kill()


def test_the_printed_address_serves_the_quickstart(demo, taken_port):
    address = next(line.strip() for line in demo.stdout if line.strip().startswith("http"))
    assert f":{taken_port}/" not in address
    with urllib.request.urlopen(address) as page:
        assert b"jupyter-config-data" in page.read()
    contents = address.replace("/lab/tree/", "/api/contents/")
    with urllib.request.urlopen(contents) as answer:
        assert b"livewidget" in answer.read()

    children = psutil.Process(demo.pid).children(recursive=True)
    assert children
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(STOP_SECONDS) == 0
    assert psutil.wait_procs(children, STOP_SECONDS)[1] == []
