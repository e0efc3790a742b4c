"""What a chart may give up so that it stays smooth, in the order that a user would choose."""

from __future__ import annotations

import math
from dataclasses import dataclass

from livewidget.data.errors import SettingError, quote

MOST_FPS = 240.0  # the fastest screens there are
M4, MINMAX = "m4", "minmax"
_POINTS = {M4: 4, MINMAX: 2}  # drawn of each bucket
MODES = ("auto", "high", "fast")
HIGHEST = {"auto": 1, "high": 0}  # rungs: first and last of a bucket are for who asks for them
_WAITING = 0.75  # of the latency, at most, for the next frame
FAST = 3  # the rung of "fast": a quarter of the points, at the full rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a chart is to reach: arrival to pixel in ms, frames a second, and at least so many.

    Raises SettingError for what no chart can reach.
    """

    latency_ms: float = 150.0
    fps: float = 30.0
    least_fps: float = 10.0

    def __post_init__(self) -> None:
        for name in ("latency_ms", "fps", "least_fps"):
            value = getattr(self, name)
            known = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not known or not 0 < value < math.inf:
                raise SettingError(f"{name} is a positive number, got {quote(value)}")
        if self.fps > MOST_FPS:
            raise SettingError(f"fps is at most {MOST_FPS:g}, got {quote(self.fps)}")
        if self.least_fps > self.fps:
            told = f"{quote(self.least_fps)} of {quote(self.fps)}"
            raise SettingError(f"least_fps is at most fps, got {told}")
        if self.latency_ms < 1000 / self.fps:
            raise SettingError(
                f"latency_ms is at least the time between two frames, {1000 / self.fps:.3g} ms at "
                f"fps={self.fps:g}; got {quote(self.latency_ms)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a chart is drawn.

    At most `fps` frames a second, so many buckets a pixel, each of which is up to two points
    ("minmax") or four ("m4"). `coarser` doublings make the buckets wider still, and the past is
    read from as much coarser levels.
    """

    fps: float = 30.0
    buckets_per_pixel: float = 1.0
    detail: str = MINMAX
    coarser: int = 0

    @property
    def points(self) -> float:
        """Points a pixel that a busy line takes."""
        return _POINTS[self.detail] * self.buckets_per_pixel / (1 << self.coarser)

    def __str__(self) -> str:
        pixels = (1 << self.coarser) / self.buckets_per_pixel
        wide = "pixel" if pixels == 1 else f"{pixels:g} pixels"
        kept = "first, least, most and last" if self.detail == M4 else "least and most"
        return f"{kept} of each {wide}, {self.fps:.3g} frames a second"


def ladder(target: Target) -> tuple[Setting, ...]:
    """Return the settings from the best to the cheapest: what is seen last goes first."""
    fps = target.fps
    shapes = [
        Setting(fps=fps, detail=M4),
        Setting(fps=fps),
        Setting(fps=fps, buckets_per_pixel=0.5),
        Setting(fps=fps, buckets_per_pixel=0.25),
    ]
    # An event waits for its frame up to the time between two: that must leave some of the target.
    least = min(fps, max(target.least_fps, 1000 / (_WAITING * target.latency_ms)))
    rates = [round(fps * part, 1) for part in (2 / 3, 1 / 2, 1 / 3)]
    slower = sorted({rate for rate in rates if least < rate < fps}, reverse=True)
    if least < fps:
        slower.append(least)
    shapes += [Setting(fps=rate, buckets_per_pixel=0.25) for rate in slower]
    last = shapes[-1].fps
    return (*shapes, Setting(fps=last, buckets_per_pixel=0.25, coarser=1))
