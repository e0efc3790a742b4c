"""Gaps in what is exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from livewidget.data.events import Gap

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "gap"


def marked(frame: pd.DataFrame, time: str, gaps: Sequence[Gap]) -> pd.DataFrame:
    """Return `frame`, by rising `time`, with a column `gap`: why nothing came before a row.

    The first row behind each gap has its bounds (ISO 8601, UTC) and its reason, the others nothing.
    """
    times = frame[time].to_numpy(dtype="datetime64[ns]").astype(np.int64)
    marks = np.full(len(frame), None, dtype=object)
    for gap in gaps:
        row = int(np.searchsorted(times, gap.stop))
        if row < len(times) and times[row] == gap.stop:
            marks[row] = f"{_iso(gap.start)} to {_iso(gap.stop)}: {gap.reason}"
    name = COLUMN if COLUMN not in frame.columns else f"{COLUMN}_"
    return frame.assign(**{name: marks})


def _iso(at: int) -> str:
    return f"{np.datetime_as_string(np.int64(at).view('datetime64[ns]'), unit='ms')}Z"
