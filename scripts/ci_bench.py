"""`livewidget bench --quick` in CI, held against CI's own history. Warns, and never fails.

The history is `artifacts/bench/history.jsonl`. Where `LIVEWIDGET_CI_CACHE` names a folder that
outlives the run, it is taken from there and put back; elsewhere it is the checkout's own, which on
a fresh one begins with this run. It never fails, as CI's machine is shared: what others do there
is the greater part of any difference.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from livewidget.app.bench import history, table
from livewidget.app.bench.saved import Run

HISTORY = Path("artifacts/bench/history.jsonl")
CACHE = "LIVEWIDGET_CI_CACHE"
MOST_S = 60


def main() -> int:
    """Measure, print the table and the warnings, and keep the run; always 0."""
    kept = os.environ.get(CACHE)
    cache = Path(kept) / "bench" / HISTORY.name if kept else None
    try:
        restore(cache)
        look(measure(sys.argv[1:]))
        store(cache)
    except Exception as error:  # noqa: BLE001  (a look at the speeds is no test)
        print(f"warning: no benchmark in CI: {type(error).__name__}: {error}")
    return 0


def measure(options: list[str]) -> Run:
    """Run the command in a process of its own, and return what it measured."""
    command = [sys.executable, "-m", "livewidget", "bench", "--quick", "--json", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=MOST_S)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return Run.from_json(json.loads(done.stdout)["run"], "this run")


def look(now: Run) -> None:
    """Print a run, and what stands out in it; add it to the history."""
    past = history.read(HISTORY)
    alike = history.comparable(now, past)
    print(table.alone(now))
    for each in history.slower(now, alike):
        print(f"warning: {each}")
    if len(alike) < history.FEWEST:
        print(f"runs of this machine before: {len(alike)}; to judge takes {history.FEWEST}")
    history.write(HISTORY, [*past, now])


def restore(cache: Path | None) -> None:
    """Take the history from the cache, where there is one."""
    HISTORY.parent.mkdir(parents=True, exist_ok=True)
    if cache is not None and cache.exists():
        shutil.copyfile(cache, HISTORY)


def store(cache: Path | None) -> None:
    """Put the history back."""
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HISTORY, cache)


if __name__ == "__main__":
    sys.exit(main())
