"""What the charts of a kernel share: the link, the hub behind it, the cells they came from."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from livewidget.engine.hub import Hub
from livewidget.widgets.link import Link

_lock = threading.Lock()
_numbers = itertools.count(1)
_shared: tuple[Link, Hub] | None = None
_made_by: dict[str, list[Callable[[str], None]]] = {}
_watching = False


def shared() -> tuple[Link, Hub]:
    """Return the kernel's link and hub; the first chart makes them."""
    global _shared  # noqa: PLW0603  (one for each process, like the kernel itself)
    with _lock:
        if _shared is None or _shared[0].comm is None or not _shared[1].engine.alive:
            link = Link()
            _shared = link, Hub(link)
        return _shared


def next_number() -> int:
    """Return a chart's number: unique in the kernel, from 1."""
    return next(_numbers)


def free_on_rerun(close: Callable[[str], None]) -> Callable[[], None]:
    """Have `close(reason)` called when the cell that runs now is run again.

    Returns what takes that back. Where the frontend does not name its cells nothing is freed.
    """
    cell = _running_cell()
    if cell is None:
        return lambda: None
    _watch_cells()
    owned = _made_by.setdefault(cell, [])
    owned.append(close)

    def forget() -> None:
        if close in owned:
            owned.remove(close)
        if not owned and _made_by.get(cell) is owned:
            del _made_by[cell]

    return forget


def _shell() -> Any:
    from IPython import get_ipython

    return get_ipython()


def _running_cell() -> str | None:
    shell = _shell()
    parent: Any = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = parent.get("metadata", {}).get("cellId")
    return cell if isinstance(cell, str) else None


def _watch_cells() -> None:
    global _watching  # noqa: PLW0603  (IPython's events are registered once a process)
    if not _watching:
        _shell().events.register("pre_run_cell", _cell_runs)
        _watching = True


def _cell_runs(info: Any) -> None:
    for close in list(_made_by.get(getattr(info, "cell_id", None) or "", ())):
        close("its cell was run again")
