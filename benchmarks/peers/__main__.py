"""`python -m benchmarks.peers`: measure livewidget beside its peers; write docs/performance.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.base import Load, Peer, loads
from benchmarks.peers.figures import dated, mean
from benchmarks.peers.roster import PEERS
from livewidget._version import __version__

ROOT = Path(__file__).parents[2]
REPORT = Path("docs/performance.md")
RESULTS = Path("docs/reports/peers/results.json")
MARK = "measured:"
DEADLINE_S = 55  # of one run, start and all
LEAST_FPS = 1  # below it, a peer's heavier loads of the same kind are not tried


def main() -> None:
    """Measure what is asked for, merge it with what was measured before, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the seven loads of the cross")
    parser.add_argument("--peer", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--load", nargs="*", default=[], help="some loads, by name")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument("--only-report", action="store_true", help="from the results there are")
    parser.add_argument("--one", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    every = loads(quick=options.quick and not options.load)
    if options.one:
        _one(options.one, next(it for it in every if it.name in options.load), options.seconds)
        return
    known = json.loads(options.results.read_text()) if options.results.exists() else {}
    if not options.only_report:
        asked = [it for it in every if it.name in options.load or not options.load]
        _measure(known, options.peer, asked, options.seconds, options.results)
    from benchmarks.peers.report import write

    write(options.report, known)
    print(f"written: {options.report}")


def _measure(
    known: dict[str, Any], peers: list[str], asked: list[Load], seconds: float, path: Path
) -> None:
    """Measure, and keep each result as soon as it is there."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    path.parent.mkdir(parents=True, exist_ok=True)
    for load in asked:
        for name in peers:
            peer, began = PEERS[name], time.monotonic()
            why = _hopeless(known, name, peer, load)
            found = {"failed": why} if why else _apart(name, load, seconds)
            known.setdefault(name, {})[load.name] = found | {"load": load.to_json()}
            known["machine"] = _machine()
            path.write_text(json.dumps(_rounded(known), indent=1) + "\n")
            _say(load, peer, found, time.monotonic() - began)


def _apart(name: str, load: Load, seconds: float) -> dict[str, Any]:
    """Run one peer in a process of its own: a page that answers no more ends with it."""
    command = [sys.executable, "-m", "benchmarks.peers", "--one", name]
    command += ["--load", load.name, "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        try:
            output = child.communicate(timeout=DEADLINE_S)[0]
        except subprocess.TimeoutExpired:
            for process in psutil.Process(child.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            child.kill()
            return {"failed": f"the page answered no more: nothing within {DEADLINE_S} s"}
    told = [line for line in output.splitlines() if line.startswith(MARK)]
    if not told:
        return {"failed": "the harness could not run it"}
    found: dict[str, Any] = json.loads(told[-1].removeprefix(MARK))
    return found


def _one(name: str, load: Load, seconds: float) -> None:
    from benchmarks.browser import browser_of, lab_of
    from benchmarks.peers.harness import run

    with browser_of() as browser, lab_of() as lab:
        print(MARK + json.dumps(run(browser, lab, PEERS[name], load, seconds)))
        sys.stdout.flush()


def _hopeless(known: dict[str, Any], name: str, peer: Peer, load: Load) -> str | None:
    """Say why a load is not tried: the peer failed at a lighter one."""
    if load.points > peer.most_points:
        return f"not tried: each update would send {16 * load.points / 1e6:.0f} MB"
    for lighter in known.get(name, {}).values():
        told = lighter["load"]
        alike = all(told[each] == getattr(load, each) for each in ("series", "updates", "charts"))
        lighter_still = alike and 1_000 < told["points"] < load.points
        if lighter_still and "slices" in lighter and _frames(lighter) < LEAST_FPS:
            return f"not tried: below {LEAST_FPS} frame/s at {told['points']:,} points"
    return None


def _frames(found: dict[str, Any]) -> float:
    """Return the frames a second: painted ones where its pictures could be dated."""
    return float(found["painted"]) if dated(found) else mean(found, "frames")


def _say(load: Load, peer: Peer, found: dict[str, Any], took: float) -> None:
    told = found.get("failed")
    if told is None:
        ages = sorted(found["ages"])
        age = 1000 * ages[len(ages) // 2] if ages else float("nan")
        hook = mean(found, "frames")
        main, kernel = (
            sum(it[kind] for it in found["slices"]) / len(found["slices"])
            for kind in ("main", "kernel")
        )
        told = (
            f"{found['painted']:.1f} painted/s of {found['shots']} shots, hook {hook:.1f}/s, "
            f"age {age:.0f} ms, main {main:.2f}, kernel {kernel:.2f}, burst {found['burst']} "
            f"{found['error'][-100:]}"
        )
    print(f"{load.name:18} {peer.name:26} {took:4.0f} s  {told}", flush=True)


def _machine() -> dict[str, Any]:
    packages = {}
    for peer in PEERS.values():
        try:
            packages[peer.package] = version(peer.package)
        except PackageNotFoundError:
            packages[peer.package] = ""
    packages["livewidget"] = __version__
    pinned = json.loads((Path(__file__).parent / "page" / "package.json").read_text())
    packages["uplot"] = pinned["dependencies"]["uplot"]
    return {
        "browser": _chromium(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "packages": packages,
        "jupyterlab": version("jupyterlab"),
        "measured": time.strftime("%Y-%m-%d %H:%M %Z"),
    }


def _chromium() -> str:
    from tests.browser.lab import chromium

    asked = [chromium() or "chromium", "--version"]
    done = subprocess.run(asked, check=False, capture_output=True, text=True)
    return done.stdout.strip()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
