"""`python -m benchmarks [CLAIM ...]`: measure the claims and write docs/reports/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.harness import Outcome

CLAIMS = (
    "frame_cost",
    "push",
    "ring",
    "aged",
    "tiers",
    "compression",
    "store",
    "busy",
    "wire_bytes",
    "pipeline",
    "windows",
    "aggregates",
    "alerts",
    "monitoring",
    "codecs",
    "websocket",
    "http",
    "many",
    "kafka",
    "servers",
    "browser",
    "canvas",
    "twenty",
    "surge",
    "imports",
)
REPORT = Path("docs/reports/benchmarks.md")
MARK = "outcome:"


def main() -> int:
    """Run each claim in a process of its own; return 1 where one could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("claims", nargs="*", help=f"some of {', '.join(CLAIMS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, no proof")
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument("--one", choices=CLAIMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        outcome = import_module(f"benchmarks.{options.one}").measure(quick=options.quick)
        print(MARK + json.dumps(outcome.to_json()))
        return 0
    claims = [name for name in CLAIMS if name in options.claims or not options.claims]
    before = os.getloadavg()[0]
    outcomes, failed = _measure(claims, quick=options.quick)
    from benchmarks.report import write

    load = f"load of the machine over the last minute: {before:.1f} when it began"
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    write(options.report, outcomes, command, load)
    print(f"written: {options.report}")
    return 1 if failed else 0


def _measure(claims: list[str], *, quick: bool) -> tuple[dict[str, Outcome], list[str]]:
    outcomes, failed = {}, []
    for name in claims:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks", "--one", name]
        done = subprocess.run(
            command + ["--quick"] * quick, check=False, stdout=subprocess.PIPE, text=True
        )
        told = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
        if done.returncode or not told:
            failed.append(name)
            print(f"{name}: could not be measured")
            continue
        outcomes[name] = Outcome.from_json(json.loads(told[-1].removeprefix(MARK)))
        print(f"{name}: {time.perf_counter() - begun:.0f} s")
        for figure in outcomes[name].figures:
            met = {True: "met", False: "MISSED", None: ""}[figure.met]
            print(f"  {figure.name}: {figure.value:.4g} {figure.unit}  {met}  ({figure.reference})")
    return outcomes, failed


if __name__ == "__main__":
    sys.exit(main())
