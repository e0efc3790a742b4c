"""What a peer and a load are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
WINDOW_S = 10.0
RED, GREY = "#e0002b", "#5b7fa6"  # the dated line, and every other


@dataclass(frozen=True, slots=True)
class Load:
    """What is drawn: `points` in the window of each chart, of all its `series` together.

    They come in `updates` a second; the window is `WINDOW_S` long and full from the start.
    """

    name: str
    points: int
    series: int
    updates: int
    charts: int
    burst: bool = False  # ends with a second of a thousand updates

    @property
    def rows(self) -> int:
        """Rows in the window: one value of each series."""
        return self.points // self.series

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / WINDOW_S

    @property
    def columns(self) -> int:
        """Charts side by side in the page."""
        return 1 if self.charts == 1 else 5

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a chart, CSS pixels."""
        return (1000, 360) if self.charts == 1 else (220, 150)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the series; the first is the dated one."""
        return tuple(f"s{place}" for place in range(self.series))

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for another process."""
        return asdict(self)


def loads(*, quick: bool) -> list[Load]:
    """Return the loads: a cross through the first of them, not a grid."""
    base = Load("base", 20_000, 1, 20, 1, burst=True)
    cross = [
        base,
        Load("1,000 points", 1_000, 1, 20, 1),
        Load("1,000,000 points", 1_000_000, 1, 20, 1),
        Load("10,000,000 points", 10_000_000, 1, 20, 1),
        Load("50 series", 20_000, 50, 20, 1),
        Load("1,000 updates/s", 20_000, 1, 1_000, 1),
        Load("20 charts", 20_000, 1, 20, 20),
    ]
    more = [
        Load("100,000 points", 100_000, 1, 20, 1),
        Load("5 series", 20_000, 5, 20, 1, burst=True),
        Load("1 update/s", 20_000, 1, 1, 1),
        Load("100 updates/s", 20_000, 1, 100, 1),
        Load("5 charts", 20_000, 1, 20, 5),
    ]
    return cross if quick else cross + more


# What a peer does with new rows: times in seconds, and values of shape (series, rows).
Update = Callable[[Array, Array], None]
# How a peer begins: with a load and the history that fills its window.
Start = Callable[[Load, Array, Array, float], Sequence[Update]]


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to draw live data.

    `plot` is the CSS selector of a chart's picture, `told` says how the peer is used, `package`
    is the distribution whose version the report names. A peer with no `module` has no kernel.
    `whole` says that each update sends the whole window.
    """

    name: str
    module: str
    package: str
    plot: str
    told: str
    whole: bool = False
    most_points: int = 10_000_000
    profiled: bool = False
    ink: str = "red"  # of the dated line, where the peer has its own

    def cell(self, load: Load, address: str) -> str:
        """Return the code of the notebook's one cell: few lines, to leave the chart in sight."""
        return (
            "from benchmarks.peers.kernel import run\n"
            f"feeder = run({self.module!r}, {load.to_json()!r}, {address!r})"
        )
