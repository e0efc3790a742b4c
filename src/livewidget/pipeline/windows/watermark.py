"""The watermark: up to which event time the stream is taken to be complete."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from livewidget.pipeline.windows.metric import Times

LOWEST = int(np.iinfo(np.int64).min)  # the watermark before the first row
AGREE = 10  # so many rows on end that are far ahead are no mistake of one clock: time did jump


class Course(NamedTuple):
    """How the greatest time so far goes along with some rows.

    `before` and `after` each row, int64[n] ns (`LOWEST` before the first row of all); `far` are
    the rows that are left out since they lie too far ahead, bool[n], None where none does.
    """

    before: Times
    after: Times
    far: npt.NDArray[np.bool_] | None


class Watermark:
    """The greatest event time of all rows so far, less `wait`. One for the whole stream.

    Event times alone move it, row by row, so that it is the same however rows are cut into
    batches. A row more than `max_jump` ns ahead of the greatest time is one whose clock is wrong:
    it would close every window, and all that comes after it would be late. It is left out, unless
    it is the tenth such row on end: then time itself has jumped, and it is taken (the nine before
    it stay out). None: every time is taken. Not thread-safe.
    """

    def __init__(self, wait: int, max_jump: int | None) -> None:
        self._wait = wait
        self._jump = max_jump
        self._far = 0  # rows on end, up to now, that were too far ahead
        self.top = LOWEST
        self.reason = (
            f"a time more than {(max_jump or 0) / 1e9:g} s ahead of all before it (max_jump)"
        )

    @property
    def now(self) -> int:
        """The watermark, ns; `LOWEST` before the first row."""
        return self.less(self.top)

    def less(self, top: int) -> int:
        """Return the watermark where `top` is the greatest time."""
        return LOWEST if top == LOWEST else max(top - self._wait, LOWEST)

    def less_all(self, tops: Times) -> Times:
        """Return the watermarks for several greatest times."""
        return np.maximum(tops, LOWEST + self._wait) - self._wait if self._wait else tops

    def course(self, times: Times) -> tuple[Course, int]:
        """Return how rows move it, and the run of far rows after them; it is not moved yet."""
        after = np.maximum.accumulate(times)
        if after[0] < self.top:
            np.maximum(after, self.top, out=after)
        before = np.empty_like(after)
        before[0], before[1:] = self.top, after[:-1]
        if self._jump is None or self._near(after, before):
            return Course(before, after, None), 0
        return self._careful(times)

    def move(self, course: Course, far: int) -> None:
        """Go along."""
        self.top = int(course.after[-1])
        self._far = far

    def stay(self, far: int) -> None:
        """Note rows that are all too far ahead."""
        self._far = far

    def advance(self, top: int) -> None:
        """Go on without a row, by the clock."""
        self.top = max(self.top, top)

    def save(self) -> dict[str, Any]:
        """Return where it stands."""
        return {"top": self.top, "far": self._far}

    def load(self, saved: dict[str, Any]) -> None:
        """Go on from there."""
        self.top, self._far = int(saved["top"]), int(saved["far"])

    def _near(self, after: Times, before: Times) -> bool:
        assert self._jump is not None
        begin = int(after[0]) if self.top == LOWEST else self.top
        if int(after[-1]) - begin <= self._jump:
            return True
        steps = after[1:] - before[1:]
        return int(after[0]) - begin <= self._jump and bool((steps <= self._jump).all())

    def _careful(self, times: Times) -> tuple[Course, int]:
        """Go row by row: a row lies far ahead, which is rare."""
        assert self._jump is not None
        top, run = self.top, self._far
        before, after = np.empty_like(times), np.empty_like(times)
        far = np.zeros(len(times), dtype=bool)
        for row, time in enumerate(times.tolist()):
            before[row] = top
            run = run + 1 if top != LOWEST and time > top + self._jump else 0
            far[row] = 0 < run < AGREE
            if not far[row]:
                top, run = max(top, time), 0
            after[row] = top
        return Course(before, after, far), run
