"""What one beat of the clock changes on a chart: a diff, or a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class SeriesDiff:
    """The change of one series' points, applied as `wire/layout.md` says.

    `x` is float64 ns after the frame's origin and `y` float64: the points of all patches in
    order, then the appended ones. A patch is (start, remove, insert), in points.
    """

    series: int
    trim: int
    cut: int
    patches: tuple[tuple[int, int, int], ...]
    append: int
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of one chart. Field by field the header of `wire/layout.md`."""

    chart: int
    generation: int
    sequence: int
    base: int
    snapshot: bool
    follow: bool
    viewport: int
    origin: int
    start: float
    stop: float
    arrival: float
    series: tuple[SeriesDiff, ...]
    meta: dict[str, Any] = field(default_factory=dict)
