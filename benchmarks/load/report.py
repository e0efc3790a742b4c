"""docs/load.md: what the runs gave, as tables, plots and figures to plan with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Plot, Points
from benchmarks.load.path import Carried
from benchmarks.report import draw, machine, number

MB = 1e6
HOUR_S = 3600
METHOD = (
    "Measured is the kernel's part of the path: a push from a thread of the same process, a "
    "pipeline (`Validate`, `Calculate` of two columns, `Filter`), the buffer, a chart session with "
    "eight series that draws at 30 frames a second for a page 800 pixels wide, encoding, and a "
    "transport that acknowledges as a page does. **Not in it**: the browser, the Jupyter server "
    "and the network, which [the benchmarks](reports/benchmarks.md) measure, and decoding: the "
    "producer pushes ready batches of a time, a text and two numbers, each hundredth of a second. "
    "Each run has a process of its own, and {seconds:g} s after a second of warm-up; those that "
    "compare measures have one or two. The producer's own CPU time is not counted."
)
FIGURES = (
    "*To the frame* is from the arrival of a frame's oldest row at the door until the frame is "
    "handed to the transport: at 30 frames a second, 33 ms of it are the wait for the next frame. "
    "*Lost* is what was dropped of what was received; every run's account came out to the row: "
    "**{exact}**."
)
BY_RATE = (
    "| events a second | workers | carried a second | lost | to the frame p50, ms | p99, ms "
    "| CPU, cores | memory, MB | frames a second |"
)
STORES = (
    "| store | event to store p50, ms | p99, ms | CPU at 100,000 a second, cores "
    "| at most, rows a second | over in line |"
)
CAPACITY = (
    "| events a second | cores | process, MB | memory of an hour in the ring, MB "
    "| disk of an hour at most, MB |"
)


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs: paced by (rate, workers), and the comparisons by what was changed."""

    paced: Mapping[tuple[int, int], Carried]
    sizes: Mapping[int, Carried]
    threads: Mapping[int, Carried]
    stores: Mapping[str, Carried]
    full: Mapping[str, Carried]
    seconds: float


def write(path: Path, runs: Runs, command: str) -> None:
    """Write the report to `path`, and its plots to `images/` beside it."""
    lines = ["# How much it carries", "", *machine(command), "", *_method(runs), ""]
    lines += ["## By rate and workers", "", *by_rate(runs.paced), ""]
    images = path.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    for name, plot in _plots(runs).items():
        draw(plot, images / f"load-{name}.png")
        lines += [f"![{plot.title}](images/load-{name}.png)", ""]
    lines += ["## What each measure buys", ""]
    lines += ["### Batching: rows of a push", "", *_gains(runs.sizes, "rows of a push"), ""]
    lines += ["### Parallel stages: workers", "", *_gains(runs.threads, "workers"), ""]
    lines += [_workers_told(runs), ""]
    lines += ["### Buffering: writing ahead of the store", "", *_stores(runs), ""]
    lines += ["## Planning", "", *capacity(runs), ""]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _method(runs: Runs) -> list[str]:
    exact = "yes" if _exact(runs) else "NO"
    return [METHOD.format(seconds=runs.seconds), "", FIGURES.format(exact=exact)]


def _exact(runs: Runs) -> bool:
    every = (runs.paced, runs.sizes, runs.threads, runs.stores, runs.full)
    return all(each.exact for group in every for each in group.values())


def by_rate(paced: Mapping[tuple[int, int], Carried]) -> list[str]:
    """Return the table of the paced runs."""
    rows = [
        BY_RATE,
        "|---" * 9 + "|",
    ]
    for (rate, workers), each in paced.items():
        p50, p99 = each.frame_ms or (float("nan"), float("nan"))
        rows.append(
            f"| {rate:,} | {workers} | {each.rate:,.0f} | {100 * each.lost:.3g} % | {p50:.1f} | "
            f"{p99:.1f} | {each.cores:.2f} | {each.rss / MB:,.0f} | {each.frames:.1f} |"
        )
    return rows


def _gains(runs: Mapping[int, Carried], what: str) -> list[str]:
    """Return a table of unpaced runs with their ratios to the first."""
    first = next(iter(runs.values()))
    rows = [
        f"| {what} | carried a second | over the first | rows a CPU second | over the first |",
        "|---|---|---|---|---|",
    ]
    for name, each in runs.items():
        rows.append(
            f"| {name:,} | {each.rate:,.0f} | {number(each.rate / first.rate)} x | "
            f"{each.rows_a_cpu_s:,.0f} | {number(each.rows_a_cpu_s / first.rows_a_cpu_s)} x |"
        )
    return [*rows, "", "The producer pushes as fast as it can."]


def _workers_told(runs: Runs) -> str:
    none = runs.threads[0]
    best = max(runs.threads, key=lambda count: runs.threads[count].rate)
    gain = runs.threads[best].rate / none.rate
    if best == 0:
        told = "Workers bought nothing on this machine"
    else:
        told = f"{best} workers carried {number(gain)} times what none did"
    return (
        f"0 is on the engine's own thread, and the pushes are of 1,000 rows. {told}: threads share "
        "the interpreter's lock, so they help where an operator spends its time in numpy on large "
        "batches or waits for something, and parting the rows by key costs time of its own. A "
        "producer that is faster than the pipeline is held at its queue, and nothing is lost."
    )


def _stores(runs: Runs) -> list[str]:
    told = {
        "none": "no store",
        "ahead": "written ahead (the default)",
        "ahead, strict": 'written ahead, `sync="strict"`',
        "in line": "each push written and synced before the next",
    }
    line = runs.full["in line"].rate
    rows = [
        STORES,
        "|---" * 6 + "|",
    ]
    for name, words in told.items():
        paced, full = runs.stores[name], runs.full[name]
        p50, p99 = (f"{each:.1f}" for each in paced.store_ms) if paced.store_ms else ("", "")
        rows.append(
            f"| {words} | {p50} | {p99} | {paced.cores:.2f} | {full.rate:,.0f} | "
            f"{number(full.rate / line)} x |"
        )
    lost = runs.full["ahead"].lost
    return [
        *rows,
        "",
        "Pushes of 1,000 rows. *At most* is a producer that goes as fast as it can: what is "
        "written ahead counts as carried once the store has it"
        + (f"; {100 * lost:.3g} % was dropped then, and counted." if lost else "."),
    ]


def capacity(runs: Runs) -> list[str]:
    """Return the table to plan with: of the runs with one worker."""
    disk = runs.stores["ahead"].disk_bytes
    rows = [
        CAPACITY,
        "|---|---|---|---|---|",
    ]
    for (rate, workers), each in runs.paced.items():
        if workers == 1:
            hour = rate * HOUR_S
            rows.append(
                f"| {rate:,} | {each.cores:.2f} | {each.rss / MB:,.0f} | "
                f"{number(hour * each.row_bytes / MB)} | {number(hour * disk / MB)} |"
            )
    row = next(iter(runs.paced.values())).row_bytes
    told = (
        f"With one worker. A row of this stream (a time, a text, four numbers) takes {row:g} bytes "
        "of the ring, which holds each twice so that every window is one piece of memory. A chart "
        "keeps ten windows within 256 MB unless told otherwise: a window of 60 s is 600 s, here "
        f"{number(600 * row / MB * 1000)} MB for each 1,000 events a second. The disk's "
        f"{disk:.0f} bytes a row (a time, a text, two numbers) are before partitions are closed "
        "and compressed. Cores beyond this path: the browser's, and the decoding of what comes as "
        "text ([figures](reports/benchmarks.md))."
    )
    return [*rows, "", told]


def _plots(runs: Runs) -> dict[str, Plot]:
    workers = dict.fromkeys(count for _, count in runs.paced)

    def lines(value: Callable[[Carried], float]) -> dict[str, Points]:
        return {
            f"{count} worker{'s' * (count > 1)}": [
                (rate, value(each)) for (rate, of), each in runs.paced.items() if of == count
            ]
            for count in workers
        }

    x = "events a second"
    return {
        "latency": Plot(
            "Door to frame, p99",
            x,
            "ms",
            lines=lines(lambda it: (it.frame_ms or (0, 0))[1]),
            log="x",
        ),
        "cores": Plot("CPU", x, "cores", lines=lines(lambda it: it.cores), log="xy"),
        "memory": Plot(
            "Memory of the process", x, "MB", lines=lines(lambda it: it.rss / MB), log="x"
        ),
    }
