"""How long queries take."""

from __future__ import annotations

import time
from collections.abc import Iterator

from livewidget.data.batch import Batch
from livewidget.data.history import Answer
from livewidget.monitor.metrics import HistogramSeries


def timed(answer: Answer, took: HistogramSeries) -> Answer:
    """Return an answer as it is, whose reading is timed: what the reader does meanwhile is not."""
    answer.batches = _timed(answer.batches, took)
    return answer


def _timed(batches: Iterator[Batch], took: HistogramSeries) -> Iterator[Batch]:
    spent, begun = 0.0, time.perf_counter()
    for batch in batches:
        spent += time.perf_counter() - begun
        yield batch
        begun = time.perf_counter()
    took.observe(spent + time.perf_counter() - begun)
