"""What it costs to fill a buffer from a source."""

from __future__ import annotations

import time
from collections.abc import Callable

from livewidget.app.bench.rig import FRAME_S, fill

__all__ = ["FRAME_S", "Cost", "fill"]


class Cost:
    """What a job takes: CPU seconds of this process, and how busy its core was."""

    def __init__(self, job: Callable[[], object]) -> None:
        self._job = job
        self.busy: list[float] = []

    def __call__(self) -> float:
        """Run the job once and return its CPU seconds."""
        begun, spent = time.perf_counter(), time.process_time()
        self._job()
        took, spent = time.perf_counter() - begun, time.process_time() - spent
        self.busy.append(spent / took)
        return spent
