"""Well-known formulas of weather, on arrays: degrees Celsius, relative humidity in %, km/h."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def heat_index(temperature: Any, humidity: Any) -> Numbers:
    """Return the felt temperature, °C, of air of `temperature` (°C) and `humidity` (%, 0 to 100).

    Rothfusz's regression (NWS Technical Attachment SR 90-23, 1990) with the adjustments, and
    Steadman's simple formula below 80 °F, as the National Weather Service computes it:
    https://www.wpc.ncep.noaa.gov/html/heatindex_equation.shtml.
    """
    t = np.asarray(temperature, dtype=np.float64) * 1.8 + 32.0
    r = np.asarray(humidity, dtype=np.float64)
    simple = (0.5 * (t + 61.0 + (t - 68.0) * 1.2 + r * 0.094) + t) / 2.0
    hot = simple >= _HOT_F
    if not hot.any():
        return (simple - 32.0) / 1.8
    full = _rothfusz(t, r)
    dry = (r < _DRY) & (t >= 80.0) & (t <= 112.0)  # noqa: PLR2004  # the formula's own bounds
    if dry.any():
        slope = np.maximum(17.0 - np.abs(t - 95.0), 0.0) / 17.0
        full = full - np.where(dry, (13.0 - r) / 4.0 * np.sqrt(slope), 0.0)
    damp = (r > _DAMP) & (t >= 80.0) & (t <= 87.0)  # noqa: PLR2004
    if damp.any():
        full = full + np.where(damp, (r - 85.0) / 10.0 * ((87.0 - t) / 5.0), 0.0)
    return (np.where(hot, full, simple) - 32.0) / 1.8


_HOT_F, _DRY, _DAMP = 80.0, 13.0, 85.0


def _rothfusz(t: Numbers, r: Numbers) -> Numbers:
    """Return the regression by Horner's rule in humidity: a third of the passes over the rows."""
    t2 = t * t
    level = 2.04901523 * t - 42.379 - 6.83783e-3 * t2
    slope = 10.14333127 - 0.22475541 * t + 1.22874e-3 * t2
    bend = 8.5282e-4 * t - 5.481717e-2 - 1.99e-6 * t2
    return level + r * (slope + r * bend)


def dew_point(temperature: Any, humidity: Any) -> Numbers:
    """Return the dew point, °C, by the Magnus formula (Alduchov and Eskridge, 1996).

    Of `temperature` in °C and relative `humidity` in %; NaN for a humidity of 0 or less.
    """
    t = np.asarray(temperature, dtype=np.float64)
    r = np.asarray(humidity, dtype=np.float64)
    gamma = np.log(np.where(r > 0, r, np.nan) / 100.0) + 17.625 * t / (243.04 + t)
    return 243.04 * gamma / (17.625 - gamma)


def wind_chill(temperature: Any, wind: Any) -> Numbers:
    """Return the wind chill, °C, of `temperature` (°C) in a `wind` of so many km/h at 10 m.

    The index of Environment Canada and the NWS (2001). Above 10 °C or below 4.8 km/h it is not
    defined, and the temperature itself is returned.
    """
    t = np.asarray(temperature, dtype=np.float64)
    v = np.asarray(wind, dtype=np.float64)
    power = np.maximum(v, 0.0) ** 0.16
    chill = 13.12 + 0.6215 * t + (0.3965 * t - 11.37) * power
    return np.where((t > 10.0) | (v < 4.8), t, chill)  # noqa: PLR2004  # the index's own bounds
