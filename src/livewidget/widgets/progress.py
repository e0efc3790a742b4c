"""A bar for long work in a cell, with a button that cancels it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ipywidgets import Button, FloatProgress, HBox, Label

from livewidget.engine.progress import PATIENCE_S, Cancel, Progress, console
from livewidget.widgets.wait import in_cell, wait

T = TypeVar("T")
Job = Callable[[Progress, Cancel], T]


class _Shown:
    """How far the work is, noted on its thread and shown on the cell's."""

    def __init__(self, what: str, cancel: threading.Event) -> None:
        self._what = what
        self._cancel = cancel
        self._told: tuple[float, int] | None = None
        self._parts: tuple[FloatProgress, Label, Button] | None = None
        self._box: HBox | None = None

    def __call__(self, fraction: float, rows: int) -> None:
        """Note how far it is."""
        self._told = fraction, rows

    def show(self) -> None:
        """Bring the picture up to date; there is none before the first note."""
        if self._told is None:
            return
        if self._parts is None:
            self._open()
        assert self._parts is not None
        bar, label, _ = self._parts
        fraction, rows = self._told
        bar.value = fraction
        label.value = f"{fraction:.0%} · {rows:,} rows" if not self._cancel.is_set() else "stopping"

    def close(self) -> None:
        """Take the picture away."""
        if self._box is not None:
            for widget in (*self._box.children, self._box):
                widget.close()

    def _open(self) -> None:
        from IPython.display import display

        button = Button(description="Cancel", tooltip=f"Cancel {self._what}")
        button.on_click(self._cancelled)
        bar = FloatProgress(description=self._what, min=0.0, max=1.0)
        self._parts = bar, Label(), button
        self._box = HBox(self._parts)
        display(self._box)  # type: ignore[no-untyped-call]

    def _cancelled(self, _: Any) -> None:
        self._cancel.set()


def with_bar(what: str, job: Job[T]) -> T:
    """Run a job that can tell how far it is and be cancelled; return what it returns.

    In a cell it runs in a thread beside it, and what takes longer than a second shows a bar with a
    button; an interrupt of the cell cancels it, too. Elsewhere it runs here, with a bar on a
    terminal. Raises what the job raises.
    """
    cancel = threading.Event()
    if not in_cell():
        with console() as bar:
            return job(bar, cancel)
    shown = _Shown(what, cancel)
    with ThreadPoolExecutor(1, "livewidget-export") as pool:
        work = pool.submit(job, shown, cancel)
        try:

            def done() -> bool:
                shown.show()
                return work.done()

            # Messages are served only once there is a button to press: what is quick needs no more.
            futures.wait([work], PATIENCE_S)
            if not work.done():
                wait(done)
        except BaseException:
            cancel.set()
            raise
        finally:
            shown.close()
    return work.result()
