"""What every claim is measured and told with; `livewidget bench` uses the same."""

from __future__ import annotations

from livewidget.app.bench.harness import (
    Figure,
    Outcome,
    Plot,
    Points,
    cpu_seconds,
    distribution,
    interleaved,
    percentile,
    quartiles,
    ratios,
)

__all__ = [
    "Figure",
    "Outcome",
    "Plot",
    "Points",
    "cpu_seconds",
    "distribution",
    "interleaved",
    "percentile",
    "quartiles",
    "ratios",
]
