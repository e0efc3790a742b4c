"""`livewidget bench`, as a shell runs it, and CI's look at its history."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TINY = ("--quick", "--rounds", "2", "--size", "0.01")


@pytest.fixture
def run(tmp_path):
    def call(*arguments, **variables):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"XDG_DATA_HOME": str(tmp_path)} | variables,
        )

    return call


def test_a_run_is_saved_and_the_next_compared_with_it(run, tmp_path):
    done = run("-m", "livewidget", "bench", *TINY, "--save", "first")
    assert done.returncode == 0, done.stderr
    assert "WebSocket in" in done.stdout
    assert (tmp_path / "livewidget" / "bench" / "first.json").exists()
    done = run("-m", "livewidget", "bench", *TINY, "--compare", "first")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot tell: 2 rounds") == 14
    assert done.stderr == ""


def test_ci_keeps_its_own_history(run, tmp_path):
    script = ROOT / "scripts" / "ci_bench.py"
    options = ("--only", "push", "--rounds", "1", "--size", "0.01")
    kept = tmp_path / "artifacts" / "bench" / "history.jsonl"
    for before in (0, 1):
        kept.unlink(missing_ok=True)  # each time a fresh checkout, and the cache that CI restores
        done = run(script, *options, LIVEWIDGET_CI_CACHE=str(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
        assert f"runs of this machine before: {before}" in done.stdout
        lines = kept.read_text().splitlines()
        assert [json.loads(line)["kind"] for line in lines] == ["livewidget bench"] * (before + 1)


def test_ci_goes_on_where_nothing_can_be_measured(run):
    done = run(ROOT / "scripts" / "ci_bench.py", "--only", "nonsense")
    assert done.returncode == 0
    assert (
        "warning: no benchmark in CI: RuntimeError: livewidget: --only takes some of" in done.stdout
    )
