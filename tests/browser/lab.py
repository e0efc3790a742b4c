"""A JupyterLab of the tests' own: its folders, its kernels, its port, its end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping

START_SECONDS = 60
STOP_SECONDS = 10
LOG_SHOWN = 3000  # characters

# No news, no update check, no question before leaving: nothing that asks the network or the user.
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "docmanager-extension/plugin": {"autosave": False},
}


USER_SETTINGS = "config/lab/user-settings/@jupyterlab"


# How the browser is started: without a sandbox in a container, a GPU, or a word to the network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
]


class Lab:
    """One server, started in a folder that is the tests' own.

    `kernels` maps a kernelspec's name to the python that runs it.
    """

    def __init__(self, folder: Path, kernels: Mapping[str, str]) -> None:
        self.folder = folder
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._write_settings()
        for name, python in kernels.items():
            self._write_kernelspec(name, python)
        self._log = (folder / "lab.log").open("wb")
        self._process = subprocess.Popen(
            self._command(), env=self._environment(), stdout=self._log, stderr=subprocess.STDOUT
        )

    def wait_ready(self) -> None:
        """Wait until it answers; RuntimeError with its log if it does not."""
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"{self.url}/api/status"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log()}")
            time.sleep(0.05)

    def log(self) -> str:
        """What the server said so far."""
        return (self.folder / "lab.log").read_text(errors="replace")

    def show_log(self) -> None:
        """Print the end of the log, for the report of a test that failed."""
        sys.stdout.write(self.log()[-LOG_SHOWN:])

    def write(self, name: str, cells: list[str], kernel: str) -> None:
        """Write a notebook for one of the kernels."""
        about = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
        document = {
            "cells": [code_cell(source, f"cell-{place}") for place, source in enumerate(cells)],
            "metadata": about,
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.notebooks / name).write_text(json.dumps(document))

    def stop(self) -> None:
        """End the server and every kernel it started."""
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Kernels have sessions of their own and outlive a server that was not asked nicely.
        for process in family:
            if process.is_running():
                process.kill()
        self._log.close()

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={self.port}", "--ServerApp.port_retries=0"),
            *("--IdentityProvider.token=", f"--ServerApp.root_dir={self.notebooks}"),
            "--expose-app-in-browser",
        ]

    def _environment(self) -> dict[str, str]:
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
        }
        inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return inherited | {name: str(self.folder / path) for name, path in own.items()}

    def _write_settings(self) -> None:
        for plugin, values in SETTINGS.items():
            path = (
                self.folder / f"config/lab/user-settings/@jupyterlab/{plugin}.jupyterlab-settings"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def _write_kernelspec(self, name: str, python: str) -> None:
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        path = self.folder / "data/kernels" / name / "kernel.json"
        path.parent.mkdir(parents=True)
        about = {"argv": argv, "display_name": name, "language": "python"}
        path.write_text(json.dumps(about))


def code_cell(source: str, name: str) -> dict[str, object]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }


def answers(url: str) -> bool:
    """Whether a server answers; straight, whatever proxies the environment names."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> str | None:
    """The browser's executable: $LIVEWIDGET_CHROMIUM, or the machine's own."""
    named = os.environ.get("LIVEWIDGET_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("google-chrome")
