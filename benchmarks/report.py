"""The outcomes as a Markdown report with plots."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import matplotlib as mpl
import psutil

from benchmarks.harness import Figure, Outcome, Plot

mpl.use("Agg")
from matplotlib import pyplot as plt

PACKAGES = ("numpy", "bqplot", "anywidget", "ipywidgets", "ipykernel", "jupyterlab", "tsdownsample")
METHOD = (
    "The reference of each figure was measured in the same run, in turn with it. Figures are "
    "medians; in brackets are the quartiles of the rounds."
)


def write(path: Path, outcomes: dict[str, Outcome], command: str, load: str) -> None:
    """Write the report to `path` and its plots beside it, `benchmarks-CLAIM-N.png`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    every = [figure for outcome in outcomes.values() for figure in outcome.figures]
    bound = [figure for figure in every if figure.met is not None]
    met = sum(bool(figure.met) for figure in bound)
    lines = ["# Benchmarks", "", *machine(command), f"- {load}", "", METHOD, ""]
    lines += [f"**{met} of {len(bound)} targets met.**", ""]
    for name, outcome in outcomes.items():
        lines += [f"## {outcome.title}", "", *_table(outcome.figures), ""]
        lines += [outcome.note, ""]
        for place, plot in enumerate(outcome.plots):
            picture = path.with_name(f"{path.stem}-{name}-{place}.png")
            draw(plot, picture)
            lines += [f"![{plot.title}]({picture.name})", ""]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def machine(command: str) -> list[str]:
    """Return the lines that say when, by what command and on what machine."""
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"- {time.strftime('%Y-%m-%d %H:%M %Z')}, `{command}`",
        f"- {_processor()}, {psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.platform()}",
        f"- Python {platform.python_version()}, {packages}",
    ]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _table(figures: Sequence[Figure]) -> list[str]:
    rows = ["| what | measured | reference | target | met |", "|---|---|---|---|---|"]
    for figure in figures:
        target = ""
        if figure.limit is not None:
            sense = "at least" if figure.at_least else "at most"
            target = f"{sense} {number(figure.limit)} {figure.unit}"
        spread = ""
        if figure.low is not None and figure.high is not None:
            spread = f" ({number(figure.low)} to {number(figure.high)})"
        met = {True: "yes", False: "**no**", None: ""}[figure.met]
        measured = f"{number(figure.value)} {figure.unit}{spread}"
        rows.append(f"| {figure.name} | {measured} | {figure.reference} | {target} | {met} |")
    return rows


def number(value: float) -> str:
    """Return a number with three significant digits and no exponent."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def draw(plot: Plot, path: Path) -> None:
    """Draw one plot to a PNG file."""
    figure, axes = plt.subplots(figsize=(7, 3.4), dpi=110, layout="constrained")
    if plot.bars:
        bars = axes.bar(list(plot.bars), list(plot.bars.values()), width=0.6, color="#3b78c3")
        axes.bar_label(bars, [number(value) for value in plot.bars.values()], fontsize=8)
        axes.margins(y=0.12)
    for name, points in plot.lines.items():
        axes.plot(*zip(*points, strict=True), label=name, marker="o" if len(points) < 20 else None)
    if plot.target is not None:
        axes.axhline(plot.target, color="#555555", linestyle="--", linewidth=1, label="target")
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    if "x" in plot.log:
        axes.set_xscale("log")
    if "y" in plot.log:
        axes.set_yscale("log")
    if plot.lines:
        axes.legend(frameon=False, fontsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8)
    figure.savefig(path)
    plt.close(figure)
