"""How series are drawn: what a chart knows by the names of columns, and what its user says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import HasTraits, TraitError, TraitType

from livewidget.data.errors import quote

STYLES = ("line", "dashed", "markers", "rings", "diamonds", "hidden")

PAIR = 2

DEFAULT_STYLES = {
    "anomaly": "rings",
    "drift": "diamonds",
    "expected": "dashed",
    "forecast": "dashed",
    "anomaly_score": "hidden",
    "*_anomaly": "rings",
    "*_expected": "dashed",
    "*_forecast": "dashed",
    "*_anomaly_score": "hidden",
}
"""What the columns that analytic operators make look like where the user says nothing.

A star stands for what `into=` has put before their names.
"""

DEFAULT_BANDS = {
    "expected": ("low", "high"),
    "forecast": ("forecast_low", "forecast_high"),
    "slope": ("slope_low", "slope_high"),
    "*_expected": ("*_low", "*_high"),
    "*_forecast": ("*_forecast_low", "*_forecast_high"),
    "*_slope": ("*_slope_low", "*_slope_high"),
}
"""The bands that belong to them, where all three columns are there."""

Band = tuple[str, str, str]
"""Whose band it is ("" for the first line of the chart or key), its lower and its upper edge."""


class Styles(TraitType[dict[str, str], Any]):
    """A mapping of columns, or series, to one of `STYLES`."""

    def make_dynamic_default(self) -> dict[str, str]:
        """Return a new dict: none is shared."""
        return {}

    def validate(self, obj: HasTraits | None, value: Any) -> dict[str, str]:  # noqa: ARG002  (traitlets' signature)
        """Return the styles as a dict of its own."""
        if isinstance(value, Mapping):
            wrong = [name for name, style in value.items() if not _is_style(name, style)]
            if not wrong:
                return dict(value)
            value = {wrong[0]: value[wrong[0]]}
        raise TraitError(
            f"{self.name} maps the names of columns to one of {', '.join(STYLES)}; "
            f"got {quote(value)}"
        )


class Bands(TraitType[list[Band], Any]):
    """Pairs of columns, the area between which is filled: a list, or a mapping by whose it is.

    `[("low", "high")]` belongs to the first line, `{"forecast": ("low", "high")}` to `forecast`.
    """

    def make_dynamic_default(self) -> list[Band]:
        """Return a new list: none is shared."""
        return []

    def validate(self, obj: HasTraits | None, value: Any) -> list[Band]:  # noqa: ARG002  (as above)
        """Return the bands as a list of triples: whose, lower, upper."""
        given = value
        if isinstance(value, Mapping):
            pairs = [(whose, _names(edges)) for whose, edges in value.items()]
            given = [(whose, *edges) if len(edges) == PAIR else () for whose, edges in pairs]
        if isinstance(given, (list, tuple)):
            bands = [_band(each) for each in given]
            found = [band for band in bands if band is not None]
            if len(found) == len(bands):
                return found
        raise TraitError(
            f"{self.name} is a list of pairs such as ('low', 'high'), or a mapping such as "
            f"{{'forecast': ('low', 'high')}}; got {quote(value)}"
        )


def shown_styles(styles: Mapping[str, str], _: object = None) -> dict[str, str]:
    """Return what the page is told: the user's styles over those that are known by name."""
    return DEFAULT_STYLES | dict(styles)


def shown_bands(bands: list[Band], _: object = None) -> list[Band]:
    """Return the user's bands, and those known by name of series that the user gives none."""
    own = {name for band in bands for name in band}
    known = [
        (whose, low, high)
        for whose, (low, high) in DEFAULT_BANDS.items()
        if not own & {whose, low, high}
    ]
    return [*bands, *known]


def _is_style(name: object, style: object) -> bool:
    return isinstance(name, str) and isinstance(style, str) and style in STYLES


def _names(given: object) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, (list, tuple)) else (given,)


def _band(given: object) -> Band | None:
    """Return a pair or a triple of names as a band; None for anything else."""
    names = _names(given)
    if not all(isinstance(name, str) for name in names):
        return None
    match names:
        case (low, high):
            whose = ""
        case (whose, low, high):
            pass
        case _:
            return None
    return None if low == high or whose in (low, high) else (whose, low, high)
