"""Columns that are mostly empty, as those of anomalies: no value alone among NaN gets lost."""

import numpy as np
import pytest

from livewidget.data.viewport import Viewport
from livewidget.view.view import View

ROWS, WINDOW = 20_000, 20_000


def drawn(frames):
    """The finite points of the second series, from a snapshot and what came after it."""
    points = {}
    for frame in frames:
        for diff in frame.series:
            if diff.series == 1:
                known = np.isfinite(diff.y)
                points.update(zip((diff.x + frame.origin)[known], diff.y[known], strict=True))
    return points


@pytest.mark.parametrize("step", [ROWS, 1_000, 7])
@pytest.mark.parametrize("every", [False, True])
def test_every_lone_value_is_drawn_however_the_rows_came(step, every):
    times = np.arange(ROWS)
    lone = np.arange(13, ROWS, 331)  # in sparse buckets of 50 rows each
    values = np.array([np.sin(times / 50), np.full(ROWS, np.nan)])
    values[1, lone] = values[0, lone]
    view = View(1, ["value", "anomaly"], window=WINDOW, every=every)
    view.look(Viewport(400), WINDOW)
    view.rebuild(np.empty(0, dtype=np.int64), np.empty((2, 0)))
    frames = []
    for start in range(0, ROWS, step):
        view.append(times[start : start + step], values[:, start : start + step])
        frames.append(view.frame(str))
    points = drawn(frame for frame in frames if frame is not None)
    assert points == dict(zip(lone.tolist(), values[1, lone].tolist(), strict=True))
