"""Tells from a picture of a chart which moment it shows.

The dated line's pulses are irregular in time, so that their places in a picture fit one moment
only, whatever margins and axes a peer draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.peers.base import WINDOW_S
from benchmarks.peers.feed import PULSE_S, pulses

Picture = npt.NDArray[np.uint8]
LEAST_PIXELS = 20  # of the dated line, to be taken for one
SHARES = np.linspace(0.86, 1.02, 33)  # of the window that the line may span, to half a percent
FIT = 0.5  # the share of the line's columns that must agree: noise gives about half


@dataclass(frozen=True, slots=True)
class Dated:
    """The newest moment in a picture, seconds of the feed, and how well its pulses fit (0 to 1).

    `share` is the part of the window that the line spans.
    """

    newest: float
    fit: float
    share: float


def _red(picture: Picture) -> npt.NDArray[np.bool_]:
    red, green, blue = (picture[..., channel].astype(int) for channel in range(3))
    return (red - green > 45) & (red - blue > 25)


def _blue(picture: Picture) -> npt.NDArray[np.bool_]:
    return picture[..., 2].astype(int) - picture[..., 0] > 60


INKS = {"red": _red, "blue": _blue}


def high_columns(picture: Picture, ink: str = "red") -> tuple[npt.NDArray[np.bool_], int] | None:
    """Return for each column that the dated line spans whether it is in a pulse; and the first.

    None where the picture, rows by columns by RGB, has no such line.
    """
    mask = INKS[ink](picture)
    columns = np.flatnonzero(mask.any(axis=0))
    if len(columns) < LEAST_PIXELS:
        return None
    first, last = int(columns[0]), int(columns[-1])
    rows = np.flatnonzero(mask.any(axis=1))
    middle = (rows[0] + rows[-1]) / 2
    top = np.where(mask.any(axis=0), mask.argmax(axis=0), picture.shape[0])
    return (top < middle)[first : last + 1], first


def date(
    picture: Picture, earliest: float, latest: float, ink: str = "red", near: float | None = None
) -> Dated | None:
    """Find the newest moment that a picture shows, between two moments of the feed; None if none.

    `ink` is the colour of the dated line, of `INKS`.
    `near` is the share that the last picture had, tried first.

    To about a pixel: 10 ms where the plot is a thousand pixels wide.
    """
    found = high_columns(picture, ink)
    if found is None:
        return None
    high = found[0]
    close = [] if near is None else [near, near - 0.005, near + 0.005]
    for shares in (close, SHARES):
        tried = [_fit(high, earliest, latest, float(share)) for share in shares]
        best = max(tried, key=lambda it: it.fit, default=None)
        if best is not None and best.fit >= FIT:
            return best
    return None


def _fit(high: npt.NDArray[np.bool_], earliest: float, latest: float, share: float) -> Dated:
    """Slide the line over what the feed has sent, at one scale; the fit is a correlation."""
    scale = len(high) / (share * WINDOW_S)  # pixels a second
    begin = earliest - WINDOW_S
    moments = begin + np.arange(int((latest - begin) * scale) + 1) / scale
    begins = pulses(latest + 1)
    place = np.searchsorted(begins, moments, "right") - 1
    sent = (place >= 0) & (moments - begins[place] < PULSE_S)
    if len(sent) < len(high):
        return Dated(latest, 0.0, share)
    pattern = high - high.mean()
    scores = np.correlate(sent.astype(float), pattern, "valid")
    sums = np.concatenate([[0.0], np.cumsum(sent)])
    ones = sums[len(high) :] - sums[: -len(high)]
    spread = np.sqrt(np.maximum(ones - ones**2 / len(high), 1e-9) * np.square(pattern).sum())
    fits = scores / np.maximum(spread, 1e-9)
    at = int(fits.argmax())
    return Dated(float(moments[at + len(high) - 1]), float(fits[at]), share)
