"""What the charts of a kernel share: the link, the hub behind it, the cells they came from."""

from __future__ import annotations

import gc
import itertools
import re
import threading
from collections.abc import Callable
from typing import Any

from livewidget.engine.hub import Hub
from livewidget.widgets.link import Link

# What a cell has made, and how it is closed for a reason.
_Made = tuple[object, Callable[[str], None]]
# IPython's own names of what cells gave: the last three, and each by the cell's number.
_OUTPUT = re.compile(r"_{1,3}|_[0-9]+")

_lock = threading.Lock()
_numbers = itertools.count(1)
_shared: tuple[Link, Hub] | None = None
_made_by: dict[str, list[_Made]] = {}
_watching = False
_freed = False  # whether the cell that runs has freed what it made before


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


def free_on_rerun(made: object, close: Callable[[str], None]) -> Callable[[], None]:
    """Have `close(reason)` called when the cell that runs now is run again.

    IPython keeps what cells gave, `Out[12]` and `_12`, for as long as the kernel runs: `made` is
    taken out there then, with all its rows. Under a name of the user's it stays.

    Returns what takes that back. Where the frontend does not name its cells nothing is freed.
    """
    cell = _running_cell()
    if cell is None:
        return lambda: None
    _watch_cells()
    owned = _made_by.setdefault(cell, [])
    entry = made, close
    owned.append(entry)

    def forget() -> None:
        if entry in owned:
            owned.remove(entry)
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
        _shell().events.register("post_run_cell", _cell_ran)
        _watching = True


def _cell_runs(info: Any) -> None:
    global _freed  # noqa: PLW0603  (one for each process, like the cells)
    for made, close in list(_made_by.get(getattr(info, "cell_id", None) or "", ())):
        close("its cell was run again")
        _leave_outputs(_shell(), made)
        _freed = True


def _cell_ran(_: Any) -> None:
    """Have what was freed collected, now that its names are another's.

    Few objects hold many rows, in cycles: the collector would not look for them for long.
    """
    global _freed  # noqa: PLW0603
    if _freed:
        _freed = False
        gc.collect()


def _leave_outputs(shell: Any, made: object) -> None:
    """Take `made` out of what IPython keeps of its cells' outputs."""
    space = getattr(shell, "user_ns", {})
    outputs = space.get("_oh", {})
    for number in [number for number, output in outputs.items() if output is made]:
        del outputs[number]
    for names in (space, getattr(shell, "user_ns_hidden", {})):
        for name in [name for name, value in names.items() if value is made]:
            if _OUTPUT.fullmatch(name):
                names[name] = ""
    hook = getattr(shell, "displayhook", None)
    for name in ("_", "__", "___"):
        if getattr(hook, name, None) is made:
            setattr(hook, name, "")
