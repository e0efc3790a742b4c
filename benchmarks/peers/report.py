"""docs/performance.md, from the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness import Plot
from benchmarks.peers.base import Load, loads
from benchmarks.peers.figures import (
    Result,
    Verdict,
    age_ms,
    dated,
    frame_ms,
    mean,
    ran,
    spread,
    verdicts,
)
from benchmarks.peers.roster import PEERS
from benchmarks.peers.words import ANSWER, HEAD, LOSSES, MEASURED, UNFAIR
from benchmarks.report import draw, number

NAMES = {key: peer.name for key, peer in PEERS.items()}
WHOLE = {key for key, peer in PEERS.items() if peer.whole}
COLUMNS = (
    "painted/s",
    "hook/s",
    "arrival to pixel p50, p95",
    "main thread",
    "main thread a frame",
    "kernel CPU",
    "bytes",
    "memory: kernel, renderer",
)
NONE = "-"


def write(path: Path, known: dict[str, Any]) -> None:
    """Write the report to `path`, and its plots to `reports/peers/` beside it."""
    machine = known.get("machine", {})
    every = [it for it in loads(quick=False) if any(it.name in known.get(key, {}) for key in PEERS)]
    by_load = {
        it.name: {key: known[key][it.name] for key in PEERS if it.name in known.get(key, {})}
        for it in every
    }
    judged = [one for name, its in by_load.items() for one in verdicts(name, its, NAMES, WHOLE)]
    lines = [
        HEAD,
        "",
        *_machine(machine, by_load),
        "",
        *_answer(by_load),
        "",
        *_targets(judged),
        "",
    ]
    lines += ["## The figures", "", MEASURED, ""]
    for load in every:
        lines += [f"### {_title(load)}", "", *_table(by_load[load.name]), ""]
    lines += [*_missing(known), ""]
    folder = path.parent / "reports" / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    for place, plot in enumerate(_plots(every, by_load)):
        draw(plot, folder / f"peers-{place}.png")
        lines += [f"![{plot.title}](reports/peers/peers-{place}.png)", ""]
    lines += ["## What was unfair, and to whom", "", UNFAIR, ""]
    lines += ["## Where livewidget loses, and why", "", LOSSES, "", *_work(by_load), ""]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _machine(machine: dict[str, Any], by_load: dict[str, dict[str, Result]]) -> list[str]:
    its = [it.get("machine_load", 0.0) for each in by_load.values() for it in each.values()]
    busy = sorted(it for it in its if it) or [0.0]
    packages = machine.get("packages", {})
    told = [
        f"- {peer.name}: {peer.told} ({peer.package} {packages.get(peer.package, '')})"
        for peer in PEERS.values()
    ]
    about = (
        f"Measured {machine.get('measured', '')}: {machine.get('browser', '')}, headless, no GPU; "
        f"JupyterLab {machine.get('jupyterlab', '')}, Python {machine.get('python', '')}, "
        f"{machine.get('cores', '')} cores for browser, kernel, server and harness together. The "
        f"load of the machine after each run, its own work in it, was {busy[0]:.1f} to "
        f"{busy[-1]:.1f}: other work ran beside some."
    )
    return [about, "", *told]


def _answer(by_load: dict[str, dict[str, Result]]) -> list[str]:
    rows = []
    for name in ("base", "100 updates/s", "1,000 updates/s"):
        for key in ("livewidget", "canvas"):
            result = by_load.get(name, {}).get(key)
            if ran(result):
                assert result is not None
                age = age_ms(result, 95)
                rows.append(
                    f"- {NAMES[key]}, {result['updates']:.0f} updates a second taken: "
                    f"{mean(result, 'frames'):.0f} frames a second by the hook, "
                    f"{result['painted']:.0f} through the screencast, 95 % of them within "
                    f"{NONE if age is None else number(age)} ms of arrival"
                )
    return [
        "## What is the maximum update rate?",
        "",
        ANSWER,
        "",
        *rows,
    ]


def _targets(judged: list[Verdict]) -> list[str]:
    met = sum(each.met for each in judged)
    rows = [
        "## Against every peer",
        "",
        (
            f"**{met} of {len(judged)} targets met.** The better of the two renderers is held "
            "against each peer that ran; who is ahead is named."
        ),
        "",
        "| load | target | measured; who is ahead | met |",
        "|---|---|---|---|",
    ]
    return rows + [
        f"| {it.load} | {it.target} | {it.told} | {'yes' if it.met else '**no**'} |"
        for it in judged
    ]


def _missing(known: dict[str, Any]) -> list[str]:
    """Name what of the cross has not been measured: no figure is better than a guess."""
    gaps = []
    for load in loads(quick=True):
        names = [NAMES[key] for key in PEERS if load.name not in known.get(key, {})]
        gaps += [f"- {load.name}: {', '.join(names)}"] if names else []
    return ["### Not measured yet", "", *gaps] if gaps else []


def _title(load: Load) -> str:
    each = " each" if load.charts > 1 else ""
    return (
        f"{load.name}: {load.points:,} points{each}, {load.series} series, "
        f"{load.updates:,} updates/s, {load.charts} {'charts' if load.charts > 1 else 'chart'}"
    )


def _table(results: dict[str, Result]) -> list[str]:
    burst = any(ran(it) and it["burst"] is not None for it in results.values())
    heads = ["", *COLUMNS] + ["lag after a burst"] * burst
    rows = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for key, result in results.items():
        if not ran(result):
            told = result["failed"].replace("|", "/") + " |" * (len(heads) - 1)
            rows.append(f"| {NAMES[key]} | {told}")
            continue
        cells = _cells(key, result)
        if burst:
            lag = result["burst"]
            cells.append("not within 4 s" if lag is None else f"{1000 * lag:.0f} ms")
        rows.append(f"| {NAMES[key]} | " + " | ".join(cells) + " |")
    notes = [f"{NAMES[key]}: {it['error']}" for key, it in results.items() if it.get("error")]
    return rows + [""] * bool(notes) + notes


def _cells(key: str, result: Result) -> list[str]:
    ages = [age_ms(result, percent) for percent in (50, 95)]
    main_ms = frame_ms(result, "main")
    memory = result["memory"]
    kernel, size, held = NONE, NONE, NONE
    if key != "uplot":
        kernel = _spread(result, "kernel", 100, "%")
        size = f"{mean(result, 'bytes') / 1000:,.0f} kB/s"
        held = f"{memory['kernel_bytes'] / 1e6:,.0f}"
    aged = ", ".join(NONE if it is None else f"{it:,.0f}" for it in ages)
    return [
        f"{result['painted']:.1f}" if dated(result) else "not dated",
        _spread(result, "frames"),
        f"{aged} ms",
        _spread(result, "main", 100, "%"),
        NONE if main_ms is None else f"{main_ms:.1f} ms",
        kernel,
        size,
        f"{held}, {memory['renderer_bytes'] / 1e6:,.0f} MB",
    ]


def _spread(result: Result, name: str, scale: float = 1, unit: str = "") -> str:
    it = spread(result, name, scale)
    space = " " if unit else ""
    return f"{number(it.middle)}{space}{unit} ({number(it.low)} to {number(it.high)})"


def _plots(every: list[Load], by_load: dict[str, dict[str, Result]]) -> list[Plot]:
    base = next(it for it in loads(quick=True) if it.name == "base")
    kinds = {"points": "points in the window", "updates": "updates a second"}
    kinds |= {"series": "series", "charts": "charts"}
    plots = []
    for kind, told in kinds.items():
        line = [it for it in every if _differs(it, base) <= {kind}]
        plots.append(_plot("Frames painted", "frames/s", kind, told, line, by_load, "painted"))
    line = [it for it in every if _differs(it, base) <= {"points"}]
    for name, title in (("main", "Main thread"), ("kernel", "Kernel CPU")):
        plots.append(_plot(title, "cores", "points", kinds["points"], line, by_load, name))
    plots.append(_plot("Bytes", "bytes/s", "points", kinds["points"], line, by_load, "bytes"))
    return plots


def _differs(load: Load, base: Load) -> set[str]:
    kinds = ("points", "updates", "series", "charts")
    return {kind for kind in kinds if getattr(load, kind) != getattr(base, kind)}


def _plot(
    title: str,
    unit: str,
    kind: str,
    told: str,
    line: list[Load],
    by_load: dict[str, dict[str, Result]],
    name: str,
) -> Plot:
    lines: dict[str, list[tuple[float, float]]] = {}
    for load in sorted(line, key=lambda it: int(getattr(it, kind))):
        for key, result in by_load[load.name].items():
            known = ran(result) and (name != "painted" or dated(result))
            if known and not (key == "uplot" and name in ("kernel", "bytes")):
                value = result["painted"] if name == "painted" else mean(result, name)
                lines.setdefault(NAMES[key], []).append((getattr(load, kind), value))
    return Plot(
        f"{title}, by {told}", told, unit, lines=lines, log="xy" if name == "bytes" else "x"
    )


def _work(by_load: dict[str, dict[str, Result]]) -> list[str]:
    """Tell what the main thread does in a frame, from the traces."""
    rows = ["| load | peer | a frame | of it, without what is within |", "|---|---|---|---|"]
    for name, results in by_load.items():
        for key, result in results.items():
            whole = frame_ms(result, "main") if ran(result) else None
            if whole is None or not result.get("profile"):
                continue
            frames = mean(result, "frames")
            told = ", ".join(
                f"{kind} {1000 * spent / frames:.1f}" for kind, spent in result["profile"].items()
            )
            rows.append(f"| {name} | {NAMES[key]} | {whole:.1f} ms | {told} ms |")
    return rows
