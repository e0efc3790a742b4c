"""A run, and what it is beside another, in plain text."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from livewidget.app.bench.compare import Finding
from livewidget.app.bench.comparison import Comparison
from livewidget.app.bench.harness import quartiles
from livewidget.app.bench.saved import Measured, Run

_WHOLE = 100  # from which digits behind the point say nothing


def alone(run: Run) -> str:
    """Return a run's medians with the quartiles of the rounds."""
    rows = [("figure", "median", "", "quartiles", "rounds")]
    for each in run.figures.values():
        low, middle, high = spread(each.samples)
        between = f"{number(low)} to {number(high)}"
        rows.append((each.name, number(middle), each.unit, between, str(len(each.samples))))
    return f"{_columns(rows, right=(1, 4))}\n\n{_machine(run)}"


def beside(run: Run, comparison: Comparison) -> str:
    """Return a run's figures with those before, their ratio with its interval, and the verdict."""
    rows = [("figure", "now", "before", "", "now / before", "verdict")]
    for key, finding in comparison.findings.items():
        now, before = run.figures[key], comparison.before.figures[key]
        ratio = f"{finding.ratio:.2f} ({finding.low:.2f} to {finding.high:.2f})"
        rows.append((now.name, _median(now), _median(before), now.unit, ratio, verdict(finding)))
    lines = [_columns(rows, right=(1, 2)), "", _machine(run), f"before: {comparison.before.made}"]
    lines += [f"warning: {each}" for each in comparison.warnings]
    lines += [f"note: {each}" for each in comparison.notes]
    return "\n".join(lines)


def verdict(finding: Finding) -> str:
    """Return the verdict in words, with the reason where there is one."""
    return f"{finding.verdict}: {finding.why}" if finding.why else str(finding.verdict)


def spread(samples: Sequence[float]) -> tuple[float, float, float]:
    """Return the quartiles; of one sample alone, itself."""
    return quartiles(samples) if len(samples) > 1 else (samples[0],) * 3


def number(value: float) -> str:
    """Return a number with three significant digits and no exponent."""
    if abs(value) >= _WHOLE or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _median(figure: Measured) -> str:
    return number(statistics.median(figure.samples))


def _machine(run: Run) -> str:
    about = run.machine
    parts = (f"{about.get(name, '?')}" for name in ("cpu", "memory", "system"))
    return f"{', '.join(parts)}, {about.get('cores', '?')} cores, Python {about.get('python', '?')}"


def _columns(rows: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
