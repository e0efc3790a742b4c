"""A run beside one that was saved: what changed, and what is to be known about it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from livewidget.app.bench.compare import Finding, Pair, Verdict, compare
from livewidget.app.bench.machine import differences
from livewidget.app.bench.saved import Measured, Run
from livewidget.data.errors import SettingError

YARDSTICK = "machine"  # the figure that has nothing to do with livewidget
_PACE = 1.05  # up to which two runs of the yardstick are the same


@dataclass(frozen=True, slots=True)
class Comparison:
    """The findings by figure. `pace`: how many times longer the machine takes for the same now.

    `warnings` are reasons to doubt all of it; `notes` are good to know.
    """

    before: Run
    findings: Mapping[str, Finding]
    pace: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def regressions(self) -> list[str]:
        """The figures that are slower."""
        return [key for key, each in self.findings.items() if each.verdict is Verdict.SLOWER]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "before": self.before.made,
            "pace": self.pace,
            "regressions": self.regressions,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "figures": {key: asdict(each) for key, each in self.findings.items()},
        }


def compare_runs(now: Run, before: Run) -> Comparison:
    """Compare the figures that both runs have. Raises SettingError where they did other work."""
    check_size(now.size, before)
    check_shared(now.figures, before)
    ours, theirs = now.figures, before.figures
    shared = [key for key in ours if key in theirs and key != YARDSTICK]
    pace = _pace(ours.get(YARDSTICK), theirs.get(YARDSTICK))
    findings = compare([_pair(ours[key], theirs[key]) for key in shared], pace)
    hardware, versions = differences(now.machine, before.machine)
    warnings, notes = [], list(versions)
    if hardware:
        warnings.append(f"the run before is of another machine: {'; '.join(hardware)}")
    if not 1 / _PACE <= pace <= _PACE:
        warnings.append(
            f"the machine itself takes {pace:.2f} times as long as then, by a yardstick that has "
            "nothing to do with livewidget: a difference counts only where it is there with that "
            "taken off, too"
        )
    if alone := [key for key in (*ours, *theirs) if (key in ours) != (key in theirs)]:
        notes.append(f"only in one of the two: {', '.join(alone)}")
    found = dict(zip(shared, findings, strict=True))
    return Comparison(before, found, pace, tuple(warnings), tuple(notes))


def check_size(size: float, before: Run) -> None:
    """Raise SettingError where a run at this size does other work than the one before did."""
    if size != before.size:
        raise SettingError(
            f"the run before was measured with --size {before.size:g}, this one has {size:g}: "
            "they do not do the same work"
        )


def check_shared(keys: Iterable[str], before: Run) -> None:
    """Raise SettingError where a run of these figures has none with the one before in common."""
    if not set(keys) & before.figures.keys() - {YARDSTICK}:
        raise SettingError(
            "the run before has none of the figures that this one measures; it has "
            f"{', '.join(before.figures)}"
        )


def _pace(now: Measured | None, before: Measured | None) -> float:
    if now is None or before is None:
        return 1.0
    return statistics.median(now.samples) / statistics.median(before.samples)


def _pair(now: Measured, before: Measured) -> Pair:
    return Pair(now.samples, before.samples, now.more, now.relevant)
