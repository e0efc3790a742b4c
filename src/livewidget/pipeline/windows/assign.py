"""Which windows a time belongs to: plain arithmetic, half-open, aligned to an origin."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tiling:
    """Windows of `size` ns that begin every `slide` ns, aligned to `origin` (ns since the epoch).

    Window j is [origin + j * slide, origin + j * slide + size). All are made of panes, `pane` ns
    wide, the greatest common divisor of the two: `per` panes a window, `step` from one window to
    the next. Where `per` is 1 the windows are tumbling, and window and pane are the same. All
    numbers may be negative; Python ints and int64 arrays do alike.
    """

    size: int
    slide: int
    origin: int = 0

    @property
    def pane(self) -> int:
        """The width of a pane, ns."""
        return gcd(self.size, self.slide)

    @property
    def per(self) -> int:
        """How many panes a window has."""
        return self.size // self.pane

    @property
    def step(self) -> int:
        """How many panes lie between the beginnings of two windows."""
        return self.slide // self.pane

    def panes(self, times: Ints) -> Ints:
        """Return the pane of each time."""
        panes: Ints = (times - self.origin) // self.pane
        return panes

    def first_of(self, pane: int) -> int:
        """Return the first window that a pane belongs to."""
        return -((self.per - 1 - pane) // self.step)

    def last_of(self, pane: int) -> int:
        """Return the last window that a pane belongs to."""
        return pane // self.step

    def start(self, window: int) -> int:
        """Return where a window begins, ns."""
        return self.origin + window * self.slide

    def closed(self, watermark: int) -> int:
        """Return the last window that ends at or before a watermark, ns."""
        return (watermark - self.origin - self.size) // self.slide

    def closed_at(self, watermarks: Ints) -> Ints:
        """Return the same for each of several watermarks; one at int64's lowest closes none."""
        lowest = np.iinfo(np.int64).min + abs(self.origin) + self.size
        windows: Ints = (np.maximum(watermarks, lowest) - self.origin - self.size) // self.slide
        return windows
