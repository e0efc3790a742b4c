"""Binder's configuration works, and the README leads to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBE = """
import importlib.resources, livewidget
from livewidget import LiveChart
static = importlib.resources.files("livewidget") / "widgets" / "static"
assert (static / "index.js").is_file() and (static / "index.css").is_file()
print("at", livewidget.__file__)
"""


@pytest.mark.timeout(900)
def test_its_commands_install_livewidget_with_its_frontend(checkout, runner, tmp_path):
    """In the order that Binder runs them: an environment, requirements.txt, postBuild."""
    venv = tmp_path / "venv"
    runner(sys.executable, "-m", "venv", venv, cwd=checkout)
    path = os.pathsep.join([str(venv / "bin"), "/usr/bin", "/bin"])
    python = venv / "bin" / "python"
    requirements = ["install", "-q", "-r", "binder/requirements.txt"]
    runner(python, "-m", "pip", *requirements, cwd=checkout, path=path)
    runner(checkout / "binder" / "postBuild", cwd=checkout, path=path)

    assert str(venv) in runner(python, "-c", PROBE, cwd=tmp_path)
    extensions = runner(venv / "bin" / "jupyter", "labextension", "list", cwd=tmp_path, path=path)
    for name in ("anywidget", "bqplot", "@jupyter-widgets/jupyterlab-manager"):
        assert f"{name} v" in extensions


def test_the_readme_opens_the_quickstart_on_it():
    readme = (ROOT / "README.md").read_text()
    assert readme.count("urlpath=lab/tree/notebooks/quickstart.ipynb") == 2
    assert (ROOT / "notebooks" / "quickstart.ipynb").exists()
