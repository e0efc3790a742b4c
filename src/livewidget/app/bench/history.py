"""Runs of one machine over time, a line each, and whether the newest stands out."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from livewidget.app.bench.comparison import YARDSTICK
from livewidget.app.bench.machine import differences
from livewidget.app.bench.saved import Run
from livewidget.data.errors import SettingError

KEPT = 200  # runs, about 4 KB each
LAST = 20  # runs that the newest is held against
FEWEST = 5  # below them the worst so far says little


def read(path: Path) -> list[Run]:
    """Return the runs of a history, oldest first; lines that hold none are passed by."""
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            runs.append(Run.from_json(json.loads(line), path.name))
        except (ValueError, SettingError):  # cut short, or of another format: the others are well
            continue
    return runs


def write(path: Path, runs: Sequence[Run]) -> None:
    """Write the newest `KEPT` runs, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}")
    lines = [json.dumps(run.to_json()) for run in runs[-KEPT:]]
    part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    part.replace(path)


def comparable(now: Run, past: Sequence[Run]) -> list[Run]:
    """Return the last runs of the same hardware and size."""
    alike = [
        run for run in past if run.size == now.size and not differences(now.machine, run.machine)[0]
    ]
    return alike[-LAST:]


def slower(now: Run, past: Sequence[Run]) -> list[str]:
    """Return a sentence on each figure that stands out as slower; `past` is comparable.

    It does where it takes longer than the median of the last runs by more than its relevant
    factor, and longer than each of them, both as measured and in the yardstick's time. What did
    not change is called slower once in len(past) + 1 runs at most. Empty before `FEWEST` runs.
    """
    if len(past) < FEWEST:
        return []
    told = []
    for key, figure in now.figures.items():
        known = [run for run in past if key in run.figures]
        if key == YARDSTICK or len(known) < FEWEST:
            continue
        ratio = min(_above(now, known, key, fair=False), _above(now, known, key, fair=True))
        if ratio > figure.relevant:
            of = f"the median of the last {len(known)} runs"
            told.append(f"{figure.name} took {ratio:.2f} times as long as {of}, longer than each")
    return told


def _above(now: Run, past: Sequence[Run], key: str, *, fair: bool) -> float:
    """Return how many times the median of `past` it took; 0 where one of them took as long."""
    costs = [_cost(run, key, fair=fair) for run in past]
    cost = _cost(now, key, fair=fair)
    return cost / statistics.median(costs) if cost > max(costs) else 0.0


def _cost(run: Run, key: str, *, fair: bool) -> float:
    """Return what a figure took, in time; `fair` in times of the yardstick's."""
    figure = run.figures[key]
    middle = statistics.median(figure.samples)
    cost = 1 / middle if figure.more else middle
    if fair and YARDSTICK in run.figures:
        cost /= statistics.median(run.figures[YARDSTICK].samples)
    return cost
