"""The floors hold, and the contracts that say so can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WIDGET_PACKAGES = ["IPython", "anywidget", "bqplot", "ipykernel", "ipywidgets", "traitlets"]
# Run in the tree itself, whose package comes before the installed one.
LINT = """
import sys
sys.path.insert(0, "src")
from importlinter.cli import lint_imports_command
lint_imports_command()
"""


def check_floors(runner, tree: Path, *, fails: bool = False) -> str:
    return runner(sys.executable, "-c", LINT, "--no-cache", cwd=tree, fails=fails)


def test_the_floors_hold(checkout, runner):
    assert "2 kept, 0 broken" in check_floors(runner, checkout)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        pytest.param("data/clock.py", "import livewidget.engine", id="upwards"),
        pytest.param("view/__init__.py", "import livewidget.buffers", id="neighbour"),
        pytest.param("engine/__init__.py", "import traitlets", id="widget package"),
        pytest.param("attic/__init__.py", "", id="a folder with no floor"),
    ],
)
def test_a_breach_is_found(checkout, runner, where, line):
    file = checkout / "src" / "livewidget" / where
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as text:
        text.write(f"\n{line}\n")
    assert "BROKEN" in check_floors(runner, checkout, fails=True)


def loaded_by(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after it ran some code."""
    report = "import json, sys; print(json.dumps([n.partition('.')[0] for n in sys.modules]))"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("part", ["livewidget", "livewidget.engine", "livewidget.sources"])
def test_importing_loads_no_widget_package(part):
    assert not loaded_by(f"import {part}") & set(WIDGET_PACKAGES)


def test_the_engine_side_needs_no_widget_package():
    blocked = f"import sys; sys.modules.update(dict.fromkeys({WIDGET_PACKAGES}))"
    use = "from livewidget import BufferManager, DataStreamer, PerformanceMonitor"
    loaded_by(f"{blocked}\n{use}")
