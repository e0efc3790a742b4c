"""A copy of the repository to build in, so that no test changes the tree it runs from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 600


def run(*command: str | Path, cwd: Path, path: str | None = None, fails: bool = False) -> str:
    """Run a command, with this PATH where one is given; its whole output.

    Fails the test where the command fails, or does not although it should.
    """
    environment = os.environ | ({} if path is None else {"PATH": path})
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def runner():
    return run


def copy_of_tree(target: Path) -> Path:
    """The repository as a fresh clone would have it, and what is not committed yet."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_of_tree(tmp_path / "checkout")


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of a fresh checkout, frontend and all."""
    tree = copy_of_tree(tmp_path_factory.mktemp("tree"))
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", cwd=tree)
    return next((tree / "dist").glob("*.tar.gz"))
