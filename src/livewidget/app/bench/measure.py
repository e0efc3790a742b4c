"""A run: every load in turn, round after round."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from livewidget.app.bench.harness import interleaved
from livewidget.app.bench.loads import Job, Load
from livewidget.app.bench.machine import machine
from livewidget.app.bench.saved import Measured, Run
from livewidget.data.errors import MissingExtraError


@dataclass(slots=True)
class Bench:
    """What is measured and for how long; `lacking` says why a load was left out.

    `rounds` at most, and at least 3; none begins that would not end `within` seconds
    from when it began to make ready. `on_job` is
    told the round (negative while warming up) and the load that begins.
    """

    loads: Mapping[str, Load]
    rounds: int
    size: float = 1.0
    within: float = math.inf
    on_job: Callable[[int, str], object] | None = None
    lacking: dict[str, str] = field(default_factory=dict)

    def run(self) -> Run:
        """Measure, and return the samples with the machine. Takes down all that it made."""
        with ExitStack() as stack:
            begun = time.monotonic()
            jobs = self._open(stack)
            within = self.within - (time.monotonic() - begun)
            told = interleaved(jobs, self.rounds, warm_up=1, within=within, on_job=self.on_job)
        figures = {
            kind.key: Measured(kind.name, kind.unit, samples, kind.more, kind.relevant)
            for name, rounds in told.items()
            for kind, samples in zip(self.loads[name].kinds, zip(*rounds, strict=True), strict=True)
        }
        return Run(machine(), figures, self.size)

    def _open(self, stack: ExitStack) -> dict[str, Job]:
        jobs = {}
        for name, load in self.loads.items():
            try:
                jobs[name] = load.open(stack)
            except MissingExtraError as error:
                self.lacking[name] = str(error)
        return jobs
