"""`python -m benchmarks.load`: measure how much the path carries, and write docs/load.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.load.path import Carried, Load, run

RATES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
WORKERS = (1, 2, 4)
SIZES = (1, 10, 100, 1_000)
STORES = ("none", "ahead", "ahead, strict", "in line")
MARK = "carried:"


def main() -> int:
    """Run each load in a process of its own, one after another, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 s a rate: a look, no proof")
    parser.add_argument("--report", type=Path, default=Path("docs/load.md"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(MARK + json.dumps(asdict(run(Load(**json.loads(options.one))))))
        return 0
    from benchmarks.load.report import Runs, write  # slow to import: not for each run

    seconds, short = (2.0, 0.8) if options.quick else (5.0, 1.2)
    paced = {
        (rate, workers): _run(Load(rate, seconds, workers=workers))
        for rate in RATES
        for workers in WORKERS
    }
    sizes = {rows: _run(Load(None, short, rows=rows, workers=None)) for rows in SIZES}
    threads = {
        workers: _run(Load(None, short, rows=1_000, workers=workers)) for workers in (0, *WORKERS)
    }
    stores = {
        store: _run(Load(100_000, 2.0, rows=1_000, workers=None, store=store)) for store in STORES
    }
    full = {store: _run(Load(None, short, 1_000, None, store)) for store in STORES}
    command = " ".join(["python -m benchmarks.load", *sys.argv[1:]])
    write(options.report, Runs(paced, sizes, threads, stores, full, seconds), command)
    print(f"written: {options.report}")
    return 0


def _run(load: Load) -> Carried:
    command = [sys.executable, "-m", "benchmarks.load", "--one", json.dumps(asdict(load))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told = next(line for line in done.stdout.splitlines() if line.startswith(MARK))
    data = json.loads(told.removeprefix(MARK))
    for name in ("frame_ms", "store_ms"):
        data[name] = data[name] and tuple(data[name])
    carried = Carried(**data)
    print(f"{load}: {carried.rate:,.0f} rows/s, {carried.cores:.2f} cores", flush=True)
    return carried


if __name__ == "__main__":
    sys.exit(main())
