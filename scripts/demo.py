"""Starts JupyterLab on the quickstart notebook and prints its address; `make demo` runs it.

Stops with JupyterLab, at an interrupt (Ctrl-C) or at SIGTERM, and leaves nothing running.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SETTINGS = Path(__file__).parent / "lab-settings"  # no question about news over the first chart
PORTS_TRIED = 50
STARTUP_SECONDS = 120


def main() -> None:
    """Run JupyterLab until it ends or is told to stop."""
    options = arguments()
    port = free_port(options.port)
    token = secrets.token_hex(16)
    lab = start(port, token)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        wait_until_it_answers(lab, f"http://localhost:{port}/api/status?token={token}")
        address = f"http://localhost:{port}/lab/tree/{options.notebook}?token={token}"
        print(f"\n:: livewidget is running, stop it with Ctrl-C:\n\n    {address}\n", flush=True)
        if not options.no_browser:
            webbrowser.open(address)
        lab.wait()
    except KeyboardInterrupt:
        print("\n:: stopped", flush=True)
    finally:
        lab.terminate()
        lab.wait()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8888, help="the first port to try")
    parser.add_argument("--notebook", default="quickstart.ipynb")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    return parser.parse_args()


def free_port(first: int) -> int:
    """The first port from `first` on that nothing listens at; stops where there is none."""
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    sys.exit(f":: no free port from {first} to {first + PORTS_TRIED - 1}: make demo PORT=9999")


def start(port: int, token: str) -> subprocess.Popen[bytes]:
    """Start JupyterLab in a process group of its own, so that Ctrl-C reaches only this script."""
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={NOTEBOOKS}"]
    command += [f"--LabApp.app_settings_dir={SETTINGS}"]
    command += ["--ServerApp.log_level=ERROR", "--LabApp.log_level=ERROR"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container there is nobody else
    environment = os.environ | {"JUPYTER_TOKEN": token}  # not in the list of processes
    return subprocess.Popen(command, env=environment, start_new_session=True)


def wait_until_it_answers(lab: subprocess.Popen[bytes], url: str) -> None:
    """Return when the server answers; stop with a line where it ends or stays silent."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        if lab.poll() is not None:
            sys.exit(":: JupyterLab did not start: the reason is above")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit(f":: JupyterLab did not answer within {STARTUP_SECONDS} seconds")


if __name__ == "__main__":
    main()
