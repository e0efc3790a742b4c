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
    t = np.asarray(temperature, dtype=np.float64) * 1.8 + 32.0  # the formula's °F
    r = np.asarray(humidity, dtype=np.float64)
    shape = np.broadcast_shapes(t.shape, r.shape)
    if t.shape != r.shape or not shape:
        t, r = np.broadcast_arrays(np.atleast_1d(t), r)
    felt = 1.05 * t - 5.15 + 0.0235 * r  # Steadman's, and the mean of it and the temperature
    hot = felt >= _HOT_F
    if hot.any():
        full = _rothfusz(t, r)
        _adjust(full, t, r)
        felt = np.where(hot, full, felt)
    return np.asarray((felt - 32.0) / 1.8).reshape(shape)


_HOT_F, _DRY, _DAMP = 80.0, 13.0, 85.0


def _rothfusz(t: Numbers, r: Numbers) -> Numbers:
    """Return the regression, by Horner's rule: the fewest passes over the rows."""
    level = (2.04901523 - 6.83783e-3 * t) * t - 42.379
    slope = (1.22874e-3 * t - 0.22475541) * t + 10.14333127
    bend = (8.5282e-4 - 1.99e-6 * t) * t - 5.481717e-2
    return np.asarray(level + r * (slope + r * bend))


def _adjust(full: Numbers, t: Numbers, r: Numbers) -> None:
    """Change the regression in place where the air is very dry or very damp; few rows are.

    Between 80 and 112 °F, and between 80 and 87; dry air below 80 °F never comes to the regression.
    """
    dry = np.flatnonzero(r < _DRY)
    if len(dry):
        slope = np.maximum(17.0 - np.abs(t[dry] - 95.0), 0.0) / 17.0
        full[dry] -= (13.0 - r[dry]) / 4.0 * np.sqrt(slope)
    damp = np.flatnonzero(r > _DAMP)
    if len(damp):
        warm = t[damp]
        slope = np.maximum(87.0 - warm, 0.0) / 5.0
        full[damp] += (r[damp] - 85.0) / 10.0 * slope * (warm >= _HOT_F)


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
