"""`livewidget bench`: how fast this machine is, and whether it was faster before."""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livewidget.data.errors import SettingError, quote

if TYPE_CHECKING:
    from livewidget.app.bench.loads import Load
    from livewidget.app.bench.saved import Run

REGRESSION, INTERRUPTED = 1, 130
_ROUNDS, _WITHIN_S = 30, 50.0
_QUICK_ROUNDS, _QUICK_WITHIN_S = 8, 11.0
_CLEAR = "\r\x1b[K"  # the beginning of the line, and nothing behind it

_EXAMPLES = """examples:
  livewidget bench --save before
  livewidget bench --compare before
  livewidget bench --quick --only push,frame
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to an argparse object of subparsers."""
    parser = commands.add_parser(
        "bench",
        help="measure this machine's speed, and compare it with a saved run",
        description="Do a standard load in rounds, for a minute at most: push, pipeline, windows, "
        "buffer, frames, store, a WebSocket on loopback, and latency to a browser that is not "
        "there. Ends with 1 where a figure is slower than in the run it is compared with.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer rounds, a quarter of a minute at most")
    add("--save", metavar="NAME", help="save the run under a name, or to a path")
    add("--compare", metavar="NAME", help="compare it with a saved run")
    add("--json", action="store_true", help="write JSON with the samples of every round")
    add("--only", type=_names, metavar="A,B", help="some of the loads")
    add("--rounds", type=int, metavar="N", help="so many rounds, however long they take")
    add("--size", type=float, default=1.0, metavar="F", help="a part of each load's work (1: all)")
    parser.set_defaults(command=run)


def run(chosen: argparse.Namespace) -> int:
    """Measure, print the table, save; 1 where something is slower, 130 after an interrupt."""
    from livewidget.app.bench.comparison import check_shared, check_size, compare_runs
    from livewidget.app.bench.measure import Bench
    from livewidget.app.bench.saved import Run, place

    loads = _chosen(chosen.only, chosen.size)
    # What is wrong is said before a minute is spent.
    target = None if chosen.save is None else _writable(place(chosen.save))
    before = None if chosen.compare is None else Run.load(place(chosen.compare))
    if before is not None:
        check_size(chosen.size, before)
        check_shared((kind.key for load in loads.values() for kind in load.kinds), before)
    rounds, within = _length(chosen)
    bench = Bench(loads, rounds, chosen.size, within, _progress(rounds))
    try:
        now = bench.run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was measured\n")
        return INTERRUPTED
    finally:
        if sys.stderr.isatty():
            sys.stderr.write(_CLEAR)
    for name, why in bench.lacking.items():
        sys.stderr.write(f"{name} was left out: {why}\n")
    comparison = None if before is None else compare_runs(now, before)
    sys.stdout.write((_json if chosen.json else _text)(now, comparison) + "\n")
    if target is not None:
        now.save(target)
        sys.stderr.write(f"saved: {target}\n")
    return REGRESSION if comparison is not None and comparison.regressions else 0


def _text(now: Run, comparison: Any) -> str:
    from livewidget.app.bench import table

    return table.alone(now) if comparison is None else table.beside(now, comparison)


def _json(now: Run, comparison: Any) -> str:
    told = {"run": now.to_json()}
    return json.dumps(told if comparison is None else told | {"comparison": comparison.to_json()})


def _chosen(only: list[str] | None, size: float) -> dict[str, Load]:
    """Return the loads that were asked for, and the yardstick. Raises SettingError."""
    from livewidget.app.bench.comparison import YARDSTICK
    from livewidget.app.bench.live_loads import live_loads
    from livewidget.app.bench.loads import loads

    if not 0 < size <= 1:
        raise SettingError(
            f"--size is a part of the standard work, above 0 and up to 1; got {size}"
        )
    known = loads(size) | live_loads(size)
    if strange := [name for name in only or () if name not in known]:
        raise SettingError(f"--only takes some of {', '.join(known)}; got {quote(strange[0])}")
    return {name: it for name, it in known.items() if not only or name in (*only, YARDSTICK)}


def _length(chosen: argparse.Namespace) -> tuple[int, float]:
    """Return the most rounds, and the seconds after which none begins."""
    if chosen.rounds is None:
        return (_QUICK_ROUNDS, _QUICK_WITHIN_S) if chosen.quick else (_ROUNDS, _WITHIN_S)
    if chosen.rounds < 1:
        raise SettingError(f"--rounds is a whole number above 0, got {chosen.rounds}")
    return chosen.rounds, math.inf


def _progress(rounds: int) -> Callable[[int, str], object] | None:
    """Return what shows the round and the load on a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        return None

    def show(turn: int, name: str) -> None:
        at = "warming up" if turn < 0 else f"round {turn + 1} of {rounds} at most"
        sys.stderr.write(f"{_CLEAR}{at} · {name}")
        sys.stderr.flush()

    return show


def _writable(path: Path) -> Path:
    """Return the path of a file that can be written, its folder made; through links.

    Raises SettingError, also where something is there that is no file.
    """
    try:
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists() and not path.is_file():
            raise FileExistsError(errno.EEXIST, "it is there and is no file")
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
