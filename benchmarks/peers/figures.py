"""The figures of a result: medians with their quartiles, and the targets they are held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import percentile, quartiles

Result = dict[str, Any]
OURS = ("canvas", "livewidget")  # the better of them is held against the peers
FROM_POINTS = 20_000  # from where on kernel and bytes have targets
BURST_S = 0.1
MOST_DATED = 0.5
LEAST_FPS = 1.0  # who paints less does not do the work that its kernel and bytes are held for


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and its quartiles."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target under one load: whether it is met, and what was held against what."""

    load: str
    target: str
    met: bool
    told: str


def ran(result: Result | None) -> bool:
    """Whether a result has figures."""
    return result is not None and "slices" in result


def dated(result: Result) -> bool:
    """Whether most of its pictures could be dated, so that what was painted is known."""
    return float(result["dated"]) >= MOST_DATED


def spread(result: Result, name: str, scale: float = 1.0) -> Spread:
    """Return a rate a second over the half seconds of a run: frames, bytes, main, kernel..."""
    values = [scale * each[name] for each in result["slices"]]
    if name == "kernel":  # what it takes to make the rows is nobody's
        values = [max(0.0, value - scale * result["feed"]) for value in values]
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    return Spread(*quartiles(values))


def mean(result: Result, name: str) -> float:
    """Return a rate a second over the whole run."""
    took = sum(each["took"] for each in result["slices"])
    whole = sum(each[name] * each["took"] for each in result["slices"]) / took
    return max(0.0, whole - result["feed"]) if name == "kernel" else float(whole)


def frame_ms(result: Result, name: str) -> float | None:
    """Return the CPU milliseconds a frame ("main" or "kernel"); None where none was drawn."""
    frames = mean(result, "frames")
    return 1000 * mean(result, name) / frames if frames > 0.2 else None


def age_ms(result: Result, percent: float) -> float | None:
    """Return a percentile of arrival to pixel; None where no picture could be dated."""
    return 1000 * percentile(result["ages"], percent) if result["ages"] else None


def verdicts(
    load: str, results: dict[str, Result], names: dict[str, str], whole: set[str]
) -> list[Verdict]:
    """Hold livewidget against each peer that ran under a load; the better of its renderers."""
    ours = [results[key] for key in OURS if ran(results.get(key))]
    if not ours:
        return []
    peers = {key: it for key, it in results.items() if key not in OURS and ran(it)}
    known = [it for it in ours if dated(it)]
    rivals = {key: it for key, it in peers.items() if dated(it)}
    made = [_frames(load, known, rivals, names)] if known and rivals else []
    kernels = {key: it for key, it in peers.items() if key != "uplot" and _works(it)}
    if ours[0]["load"]["points"] >= FROM_POINTS:
        kernel, size = _least(ours, "kernel"), _least(ours, "bytes")
        some = {key: it for key, it in kernels.items() if key in whole}
        if kernels:
            made.append(
                _at_most(load, "half the kernel CPU", kernel, 0.5, kernels, "kernel", names)
            )
            made.append(_at_most(load, "no more bytes", size, 1.0, kernels, "bytes", names))
        if some:
            made.append(_at_most(load, "a tenth of the bytes", size, 0.1, some, "bytes", names))
    if any(it["burst"] is not None for it in ours):
        best = min(it["burst"] for it in ours if it["burst"] is not None)
        told = f"{1000 * best:.0f} ms"
        made.append(Verdict(load, "under 100 ms after a burst", best < BURST_S, told))
    return made


def _frames(
    load: str, ours: Sequence[Result], peers: dict[str, Result], names: dict[str, str]
) -> Verdict:
    """As many frames as each peer, by the screencast; a frame in twenty is the clock's grain."""
    best = max(it["painted"] for it in ours)
    ahead = {key: it["painted"] for key, it in peers.items() if it["painted"] > 1.05 * best}
    told = f"{best:.1f} a second against {len(peers)} peers"
    return Verdict(load, "at least as many frames", not ahead, _told(told, ahead, names, "{:.1f}"))


def _works(result: Result) -> bool:
    frames = result["painted"] if dated(result) else mean(result, "frames")
    return bool(frames >= LEAST_FPS)


def _at_most(
    load: str,
    target: str,
    value: float,
    share: float,
    peers: dict[str, Result],
    name: str,
    names: dict[str, str],
) -> Verdict:
    ahead = {key: mean(it, name) for key, it in peers.items() if value > share * mean(it, name)}
    show: Callable[[float], str] = _percent if name == "kernel" else _kilobytes
    told = f"{show(value)} against {len(peers)} peers"
    if ahead:
        painted = {key: f"{peers[key]['painted']:.1f} painted/s" for key in ahead}
        told += "; " + ", ".join(
            f"{names[key]} {show(it)} for {painted[key]}" for key, it in ahead.items()
        )
    return Verdict(load, target, not ahead, told)


def _told(told: str, ahead: dict[str, float], names: dict[str, str], form: str) -> str:
    return "; ".join([told, *(f"{names[key]} {form.format(it)}" for key, it in ahead.items())])


def _least(results: Sequence[Result], name: str) -> float:
    return min(mean(it, name) for it in results)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} % of a core"


def _kilobytes(value: float) -> str:
    return f"{value / 1000:,.0f} kB/s"
