"""The report of a soak: a verdict, tables, and plots of all that was sampled."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.harness import percentile
from benchmarks.report import machine
from benchmarks.soak.cells import CHARTS, CYCLE_S
from benchmarks.soak.plain import CHART, EMPTY, FIGURE, ROUNDS, WARM_UP
from benchmarks.soak.verdict import (
    HOUR_S,
    Point,
    Slope,
    accounts,
    cycle_ends,
    each_round,
    left_threads,
    lives,
    slope,
    totals,
)

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

MB = 1e6
# Each cell has been run again once, beside what it replaces, and its buffer is full once more; two
# refreshes, with a subshell of ipykernel for each, are over as well.
WARM_UP_S = (len(CHARTS) + 1) * CYCLE_S
INFANCY_S = 120.0  # of a page: what it compiles and caches is no leak
END_S = 20.0
ALLOWED = {"kernel": 10.0, "page heap": 5.0}  # MB an hour
RESOURCES = ("threads", "sockets", "files", "tasks")
KEPT = {"heap": "heap", "nodes": "DOM nodes", "listeners": "listeners"}


@dataclass(frozen=True, slots=True)
class Run:
    """All that a soak gave; see `World` and `Sampler` for the shapes."""

    seconds: float
    kernel: list[dict[str, Any]]
    page: list[dict[str, Any]]
    plain: dict[str, list[dict[str, Any]]]
    cycles: list[float]
    acts: list[tuple[float, str]]
    recoveries: list[tuple[float, str, float]]
    faults: list[str]
    left: dict[str, Any]
    feed: dict[str, int]

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read what a soak has left in a folder."""
        lines = (folder / "kernel.jsonl").read_text().splitlines()
        told = json.loads((folder / "run.json").read_text())
        return cls(kernel=[json.loads(line) for line in lines], **told)

    @property
    def warm(self) -> float:
        """When the warm-up was over: the fourth cycle."""
        return self.cycles[0] + WARM_UP_S

    def births(self) -> list[float]:
        """Return when the page was loaded."""
        return [self.cycles[0], *(at for at, act in self.acts if act == "refresh")]


@dataclass(frozen=True, slots=True)
class Judged:
    """One line of the verdict; `good` is None where it is for the reader to judge."""

    what: str
    found: str
    good: bool | None


def judge(run: Run) -> list[Judged]:
    """Return the verdict, line by line."""
    kernel = [(each["at"], each["kernel"] / MB) for each in run.kernel]
    ends = [each for each in cycle_ends(kernel, run.cycles, CYCLE_S, END_S) if each[0] >= run.warm]
    heap = [(each["at"], each["heap"] / MB) for each in run.page if each["heap"] is not None]
    looked, wrong = accounts(run.kernel)
    found = "; ".join(wrong[:5]) if wrong else f"{looked:,} looked at, every one exact"
    return [
        _grows("kernel memory", slope([ends]), ALLOWED["kernel"]),
        _page(run, slope(lives(heap, run.births(), INFANCY_S))),
        *(_kept(run, what) for what in KEPT),
        Judged("accounts", found, not wrong),
        *(_settled(run, name) for name in RESOURCES),
        _left(run),
        Judged("acts", _acts(run), not run.faults),
    ]


def _grows(what: str, found: Slope | None, allowed: float) -> Judged:
    if found is None:
        return Judged(what, "too short a run for a slope", None)
    told = (
        f"{found.value:+.1f} MB an hour (95 %: {found.low:+.1f} to {found.high:+.1f}; "
        f"allowed {allowed:g}): {found.verdict(allowed)}"
    )
    return Judged(what, told, {"flat": True, "grows": False}.get(found.verdict(allowed)))


def _page(run: Run, found: Slope | None) -> Judged:
    """Tell what the page's heap grows by beyond what JupyterLab keeps of the same acts."""
    theirs = each_round(run.plain[EMPTY], "heap")
    if found is None or theirs is None:
        return _grows("page heap", None, ALLOWED["page heap"])
    theirs = theirs.times(HOUR_S / CYCLE_S / MB)
    judged = _grows("page heap", found - theirs, ALLOWED["page heap"])
    told = (
        f"{found.value:+.1f} in all, {theirs.value:+.1f} JupyterLab's own; the rest {judged.found}"
    )
    return replace(judged, found=told)


def _kept(run: Run, what: str) -> Judged:
    """Tell whether a chart leaves more in its page than a plain figure, act for act."""
    ours, theirs = (each_round(run.plain[name], what) for name in (CHART, FIGURE))
    if ours is None or theirs is None:
        return Judged(f"page, {KEPT[what]} a round", "not measured", None)
    found = f"{_amount(what, ours)} of {CHART}, {_amount(what, theirs)} of {FIGURE}"
    return Judged(f"page, {KEPT[what]} a round", found, (ours - theirs).low <= 0)


def _amount(what: str, found: Slope) -> str:
    """Return an estimate and its 95 %."""
    unit, scale = (" kB", 1000.0) if what == "heap" else ("", 1.0)
    error = (found.high - found.value) / scale
    return f"{found.value / scale:+.0f} ± {error:.0f}{unit}"


def _settled(run: Run, name: str) -> Judged:
    """Tell whether a count at the end of the cycles is what it was after the warm-up."""
    points = [(each["at"], float(each[name])) for each in run.kernel]
    ends = [v for at, v in cycle_ends(points, run.cycles, CYCLE_S, END_S) if at >= run.warm]
    if len(ends) < 4:
        return Judged(name, "too short a run", None)
    half = len(ends) // 2
    first, second = max(ends[:half]), statistics.median(ends[half:])
    found = f"{ends[0]:g} after the warm-up, {ends[-1]:g} at the end, {max(ends):g} at most"
    return Judged(name, found, second <= first)


def _left(run: Run) -> Judged:
    baseline, after = run.left["baseline"], run.left["after"]
    ours = left_threads(baseline["names"], run.left["threads"])
    good = not ours and after["tasks"] <= baseline["tasks"]
    good = good and after["sockets"] <= baseline["sockets"]
    found = (
        f"threads of livewidget's: {', '.join(ours) or 'none'}; of all {after['threads']} (before "
        f"them {baseline['threads']}), sockets {after['sockets']} ({baseline['sockets']}), tasks "
        f"{after['tasks']} ({baseline['tasks']})"
    )
    return Judged("left when all charts are closed", found, good)


def _acts(run: Run) -> str:
    return "; ".join(run.faults[:5]) or f"{len(run.acts)} acts, all charts drew again after each"


def write(folder: Path, run: Run, command: str) -> bool:
    """Write `report.md` and its plots to a folder; return whether the verdict is good."""
    folder.mkdir(parents=True, exist_ok=True)
    judged = judge(run)
    good = all(each.good is not False for each in judged)
    took = (run.kernel[-1]["at"] - run.cycles[0]) / 60
    lines = ["# Soak", "", *machine(command), ""]
    lines += [f"**{took:.0f} minutes: {'good' if good else 'NOT good'}.** {_load()}", ""]
    lines += ["| what | found | |", "|---|---|---|"]
    marks = {True: "good", False: "**bad**", None: "unclear"}
    lines += [f"| {each.what} | {each.found} | {marks[each.good]} |" for each in judged]
    lines += ["", "## What came, and where it is", "", *_counts(run), ""]
    lines += ["## Latency and frames", "", *_latency(run), ""]
    lines += ["## How soon all charts drew again", "", *_recoveries(run), ""]
    lines += ["## What a page keeps", "", *_keeps(run), ""]
    lines += ["## Plots", ""]
    for name, told in _plots(folder, run).items():
        lines += [f"![{told}]({name}.svg)", ""]
    (folder / "report.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return good


def _load() -> str:
    return (
        "Five charts in one notebook in a real JupyterLab in headless Chromium, all in sight: "
        "2,000 rows a second pushed from a thread, 20,000 of a synthetic source, 100 of an async "
        "generator, 500 of a WebSocket behind a network that fails, and 5,000 through a pipeline "
        f"with two workers that filters. Every {CYCLE_S:.0f} s: a cell is run again, the network "
        "fails for 7 s in one of eight ways, another tab of JupyterLab is in front for 9 s, "
        "another page of the browser for 8 s, a cell spins for 3 s; of twelve such cycles two end "
        "with a refresh of the page. Looked at every 5 s; the page's heap every 30 s, after its "
        "garbage was collected, which stops the page for a moment. Memory of the kernel is "
        "compared at the ends of the cycles, where all buffers are full, after a warm-up of "
        f"{WARM_UP_S / 60:.1f} minutes; the page's, within the life of one page without its first "
        f"{INFANCY_S / 60:.0f} minutes. Threads and files are without those of ipykernel's "
        "subshells: JupyterLab opens one for a page and a refresh does not close it."
    )


def _counts(run: Run) -> list[str]:
    keys = ("charts", "received", "stored", "filtered", "rejected", "dropped", "in_flight", "gaps")
    rows = ["| source | " + " | ".join(keys) + " |", "|---" * (len(keys) + 1) + "|"]
    for name, account in totals(run.kernel).items():
        rows.append(f"| {name} | " + " | ".join(f"{account[key]:,}" for key in keys) + " |")
    told = (
        f"The WebSocket's server sent {run.feed['sent']:,} events, also while nobody was "
        f"connected, and {run.feed['garbage']:,} messages of garbage. A chart whose cell was run "
        "again was closed and a new one made: `charts` counts them, up to the last look at each."
    )
    return [*rows, "", told]


def _latency(run: Run) -> list[str]:
    rows = [
        "| source | arrival to pixel p50, ms | p99, ms | worst p99, ms | frames a second |",
        "|---|---|---|---|---|",
    ]
    for name in totals(run.kernel):
        known = [each["charts"][name] for each in run.kernel if each["charts"].get(name)]
        pairs = [each["latency"] for each in known if each["latency"]]
        fps = [each["fps"] for each in known if each["fps"]]
        if pairs and fps:
            p50, p99 = (statistics.median(each) for each in zip(*pairs, strict=True))
            worst = max(each[1] for each in pairs)
            frames = statistics.median(fps)
            rows.append(f"| {name} | {p50:.0f} | {p99:.0f} | {worst:,.0f} | {frames:.1f} |")
    told = (
        "Medians of the looks, each of which is over the newest 512 frames; what goes on meanwhile "
        "is in them: the busy cells, the refreshes, the looks at the heap."
    )
    return [*rows, "", told]


def _recoveries(run: Run) -> list[str]:
    rows = ["| after | times | median, s | longest, s |", "|---|---|---|---|"]
    for act in dict.fromkeys(act for _, act, _ in run.recoveries):
        took = [each for _, name, each in run.recoveries if name == act]
        rows.append(
            f"| {act} | {len(took)} | {statistics.median(took):.1f} | {percentile(took, 100):.1f} |"
        )
    return rows


def _keeps(run: Run) -> list[str]:
    rows = ["| a round with | " + " | ".join(KEPT.values()) + " |", "|---" * (len(KEPT) + 1) + "|"]
    for name, looks in run.plain.items():
        found = {what: each_round(looks, what) for what in KEPT}
        told = " | ".join(_amount(what, each) if each else "" for what, each in found.items())
        rows.append(f"| {name} | {told} |")
    told = (
        "In a fresh page for each, before the soak: a round runs the cell again and has another "
        f"tab of JupyterLab in front for a moment; means over {ROUNDS} rounds after {WARM_UP} of "
        "warm-up, with 95 %. JupyterLab keeps every closed comm, since each goes on listening for "
        "the kernel's status, and whatever hangs on it; a chart takes its models off."
    )
    return [*rows, "", told]


# -- plots

_Lines = dict[str, list[Point]]


def _plots(folder: Path, run: Run) -> dict[str, str]:
    """Draw all plots; return their names and what they show."""
    kernel, page = run.kernel, run.page
    memory = {
        "kernel": [(each["at"], each["kernel"] / MB) for each in kernel],
        "browser, all processes": [(each["at"], each["browser"] / MB) for each in page],
    }
    clean = [each for each in page if each["heap"] is not None]
    heap = {"page heap": [(each["at"], each["heap"] / MB) for each in clean]}
    counts = {name: [(e["at"], e[name] / 1000) for e in clean] for name in ("nodes", "listeners")}
    held = (*RESOURCES, "subshells")
    open_things = {name: [(each["at"], each[name]) for each in kernel] for name in held}
    drawn = {
        "memory": ("Memory", "MB", memory),
        "heap": ("Page heap after its garbage is gone", "MB", heap),
        "page": ("DOM nodes and listeners after the garbage is gone", "thousand", counts),
        "latency": ("Arrival to pixel, median of the charts", "ms", _of_charts(kernel, "latency")),
        "frames": ("Frames a second, median of the charts", "frames/s", _of_charts(kernel, "fps")),
        "received": ("Received a second", "events/s", _rates(kernel, "received")),
        "elsewhere": ("Filtered, rejected, dropped", "events", _elsewhere(kernel)),
        "open": ("Threads, sockets, files and tasks of the kernel", "", open_things),
        "cpu": ("CPU of the kernel", "% of a core", {"cpu": [(e["at"], e["cpu"]) for e in kernel]}),
    }
    refreshes = [at for at, act in run.acts if act == "refresh"]
    for name, (title, y, lines) in drawn.items():
        logarithmic = name in ("latency", "received", "elsewhere")
        _draw(folder / f"{name}.svg", title, y, lines, run.cycles[0], refreshes, log=logarithmic)
    return {name: title for name, (title, _, _) in drawn.items()}


def _of_charts(samples: Sequence[dict[str, Any]], what: str) -> _Lines:
    lines: _Lines = {}
    for sample in samples:
        known = [each[what] for each in sample["charts"].values() if each and each[what]]
        if not known:
            continue
        columns = [known] if what == "fps" else list(zip(*known, strict=True))
        for name, values in zip(("p50", "p99"), columns, strict=False):
            point = sample["at"], float(statistics.median(values))
            lines.setdefault(name, []).append(point)
    return lines


def _rates(samples: Sequence[dict[str, Any]], what: str) -> _Lines:
    lines: _Lines = {}
    for before, after in itertools.pairwise(samples):
        for name, chart in after["charts"].items():
            known = before["charts"].get(name)
            if chart and known and chart["number"] == known["number"]:
                grown = chart["account"][what] - known["account"][what]
                point = after["at"], grown / (after["at"] - before["at"])
                lines.setdefault(name, []).append(point)
    return lines


def _elsewhere(samples: Sequence[dict[str, Any]]) -> _Lines:
    lines: _Lines = {}
    for place, sample in enumerate(samples):
        if place % 6 and place + 1 < len(samples):
            continue  # it is a sum over all samples before: not for every one
        for name, account in totals(samples[: place + 1]).items():
            for what in ("filtered", "rejected", "dropped"):
                if account[what]:
                    lines.setdefault(f"{name}: {what}", []).append((sample["at"], account[what]))
    return lines


def _draw(
    path: Path,
    title: str,
    y: str,
    lines: _Lines,
    start: float,
    refreshes: Sequence[float],
    *,
    log: bool,
) -> None:
    mpl.rcParams["svg.hashsalt"] = "livewidget"
    figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
    for name, points in lines.items():
        axes.plot(
            [(at - start) / 60 for at, _ in points],
            [value for _, value in points],
            label=name,
            lw=1,
        )
    for at in refreshes:
        axes.axvline((at - start) / 60, color="#bbbbbb", linestyle=":", linewidth=1)
    axes.set(title=title, xlabel="minutes (dotted: the page is refreshed)", ylabel=y)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
    if len(lines) > 1 or log:
        axes.legend(frameon=False, fontsize=7, ncols=min(len(lines), 5))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
