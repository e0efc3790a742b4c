"""`python -m benchmarks.soak`: run it for hours, and write docs/reports/soak/report.md."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.browser.notebook import Notebook

from benchmarks.browser import browser_of, lab_of
from benchmarks.soak.cells import CYCLE_S, cells
from benchmarks.soak.feed import Feed
from benchmarks.soak.plain import plain
from benchmarks.soak.report import Run, write
from benchmarks.soak.watch import Devtools
from benchmarks.soak.world import World

EVERY_S = 5.0
COLLECT_S = 30.0  # between two looks at the heap: collecting stops the page
VIEWPORT = {"width": 1400, "height": 2600}  # all five charts are in sight
RAW = Path("artifacts/soak")
LEFT = """
sampler.stop()
before = resources()
for chart in charts.values():
    chart.close()
deadline = time.time() + 10
while time.time() < deadline and resources()["tasks"] > 2:
    time.sleep(0.1)
import json, threading
print(json.dumps({"baseline": baseline, "before": before, "after": resources(),
                  "threads": [each.name for each in threading.enumerate()]}))
"""


def main() -> int:
    """Run, write the report, and return 0 where the verdict is good."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--minutes", type=float, help="instead of hours")
    parser.add_argument("--report", type=Path, default=Path("docs/reports/soak"))
    options = parser.parse_args()
    seconds = options.hours * 3600 if options.minutes is None else options.minutes * 60
    run = soak(seconds)
    command = " ".join(["python -m benchmarks.soak", *sys.argv[1:]])
    good = write(options.report, run, command)
    print(f"written: {options.report / 'report.md'}; {'good' if good else 'NOT good'}")
    return 0 if good else 1


def soak(seconds: float) -> Run:
    """Run for so many seconds. What was sampled is in `artifacts/soak`, whatever happens."""
    RAW.mkdir(parents=True, exist_ok=True)
    samples, page_samples = RAW.resolve() / "kernel.jsonl", RAW / "page.jsonl"
    samples.unlink(missing_ok=True)
    with browser_of() as browser, lab_of() as lab, Feed() as feed:
        compared = plain(browser, lab)
        lab.write("current.ipynb", cells(feed.url, samples, EVERY_S), "current")
        page = browser.new_context(viewport=VIEWPORT).new_page()
        notebook = Notebook(page, lab.url, "current")
        notebook.open()
        world = World(notebook, feed)
        world.begin()
        seen = _go(world, Devtools(page), page_samples, seconds)
        feed.heal()
        left = notebook.ask(LEFT)
        world.faults += [f"on the page's console: {error}" for error in notebook.errors]
        sent, garbage = feed.sent, feed.garbage
    (RAW / "run.json").write_text(
        json.dumps(
            {
                "seconds": seconds,
                "page": seen,
                "plain": compared,
                "cycles": world.cycles,
                "acts": world.acts,
                "recoveries": world.recoveries,
                "faults": world.faults,
                "left": left,
                "feed": {"sent": sent, "garbage": garbage},
            }
        )
    )
    return Run.load(RAW)


def _go(world: World, devtools: Devtools, path: Path, seconds: float) -> list[dict[str, Any]]:
    """Go through the cycles, looking at the page every few seconds between the acts."""
    seen: list[dict[str, Any]] = []
    begun = time.monotonic()
    collected = looked = -COLLECT_S
    with path.open("w", buffering=1) as out:
        cycle, script = begun, world.script()
        while (now := time.monotonic()) - begun < seconds:
            if now - looked >= EVERY_S:
                looked, collect = now, now - collected >= COLLECT_S
                collected = now if collect else collected
                seen.append(devtools.look(collect=collect))
                out.write(json.dumps(seen[-1]) + "\n")
            if script and now - cycle >= script[0][0]:
                world.do(script.pop(0)[1])
            elif now - cycle >= CYCLE_S:
                cycle, script = now, world.script()
            else:
                world.notebook.page.wait_for_timeout(200)
    return seen


if __name__ == "__main__":
    sys.exit(main())
