"""From a column and a word to the metric that it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.windows.metric import Metric
from livewidget.pipeline.windows.metrics.basic import Count, End, Mean, Sum, maximum, minimum
from livewidget.pipeline.windows.metrics.change import Ema, Rate, Slope
from livewidget.pipeline.windows.metrics.custom import OfObjects, OfValues
from livewidget.pipeline.windows.metrics.distinct import Distinct
from livewidget.pipeline.windows.metrics.market import Volatility, Vwap
from livewidget.pipeline.windows.metrics.quantile import Quantile
from livewidget.pipeline.windows.metrics.spread import Variance
from livewidget.pipeline.windows.metrics.together import ohlc

METRICS: dict[str, Callable[[str], Metric]] = {
    "count": Count,
    "sum": Sum,
    "mean": Mean,
    "sma": Mean,  # the simple moving average is the mean of a sliding window
    "min": minimum,
    "max": maximum,
    "first": lambda column: End(column, last=False),
    "last": lambda column: End(column, last=True),
    "var": Variance,
    "std": lambda column: Variance(column, root=True),
    "median": lambda column: Quantile(column, 0.5),
    "nunique": Distinct,
    "rate": Rate,
    "slope": Slope,
    "ohlc": ohlc,
    "volatility": Volatility,
    "volatility_annual": lambda column: Volatility(column, annual=True),
}
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")
_EMA = re.compile(r"ema_(\S+)")
_VWAP = re.compile(r"vwap:(.+)")
_MORE = "p50 (any percentile), ema_30s (any half-life), vwap:volume (any column of volumes)"


def metric_for(column: str, how: object) -> Metric:
    """Return the metric of a column that `how` stands for.

    A name of pandas' ("mean", "var", "nunique", ...), a percentile ("p95", "p99.9"), "ema_30s" (an
    exponential moving average with that half-life), "vwap:volume"; a `Metric`; a function of a
    float64 array; or a class with `update`, `merge` and `result`, see `Incremental`. Raises
    SettingError for what is none of these.
    """
    if isinstance(how, Metric):
        return how
    if isinstance(how, str):
        return _named(column, how)
    if isinstance(how, type) and all(hasattr(how, it) for it in ("update", "merge", "result")):
        return OfObjects(column, how)
    if callable(how) and not isinstance(how, type):
        return OfValues(column, how)
    raise SettingError(
        f"a metric of {quote(column)} is a name, a function of an array, or a class with update, "
        f"merge and result; got {quote(how)}"
    )


def _named(column: str, name: str) -> Metric:
    if name in METRICS:
        return METRICS[name](column)
    if found := _PERCENTILE.fullmatch(name):
        return Quantile(column, float(found[1]) / 100)
    if found := _EMA.fullmatch(name):
        return Ema(column, found[1])
    if found := _VWAP.fullmatch(name):
        return Vwap(column, found[1])
    close = get_close_matches(name, METRICS, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise SettingError(
        f"there is no metric {quote(name)}{hint} There are {', '.join(METRICS)}, {_MORE}"
    )
