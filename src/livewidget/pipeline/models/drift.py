"""Change points and trends of a column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from livewidget.data.convert import Column
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.models.bank import MOST_KEYS
from livewidget.pipeline.models.changes import METHODS, Change
from livewidget.pipeline.models.learned import Learned, floats_of, marked, named, prefixed, worded
from livewidget.pipeline.models.model import Estimates, Floats, Make, Model, maker
from livewidget.pipeline.models.slope import Slope


class Drift(Learned):
    """Adds `drift`: the value with which its key was found to be at another level, else NaN.

    `method` is "adwin" or "page_hinkley" (both of river), or a model of one's own
    (`models.Model`), whose anomalies are the changes. `into` names the column.
    """

    name = "drift"

    def __init__(
        self,
        column: str,
        method: Any = "adwin",
        *,
        by: str | Sequence[str] | None = None,
        into: str = "drift",
        most_keys: int = MOST_KEYS,
    ) -> None:
        names: dict[str, Make] = {name: partial(Change, name) for name in METHODS}
        super().__init__(column, maker(method, names, "method"), by=by, most_keys=most_keys)
        self._into = named(into)

    def _fields(self, model: Model, schema: Schema) -> list[Field]:  # noqa: ARG002  (always one)
        return floats_of([self._into])

    def _columns(self, estimates: Estimates, values: Floats) -> list[Column]:
        return [marked(estimates, values)]


class Trend(Learned):
    """Adds `trend`, "rising", "falling" or "flat", and `slope` a second with its interval.

    Of a line through the newest `rows` values of a key: it rises or falls where the interval,
    `slope_low` to `slope_high`, leaves out zero at this `confidence` (`models.slope.Slope`).
    `into` is what the names begin with.
    """

    name = "trend"

    def __init__(
        self,
        column: str,
        *,
        rows: int = 60,
        confidence: float = 0.95,
        by: str | Sequence[str] | None = None,
        into: str | None = None,
        most_keys: int = MOST_KEYS,
    ) -> None:
        make = partial(Slope, rows, confidence)
        make()  # so that a bad setting raises here
        super().__init__(column, make, by=by, most_keys=most_keys)
        self._prefix = prefixed(into)

    def _fields(self, model: Model, schema: Schema) -> list[Field]:  # noqa: ARG002  (always these)
        slopes = (f"{self._prefix}{name}" for name in ("slope", "slope_low", "slope_high"))
        return [Field(f"{self._prefix}trend", Kind.TEXT), *floats_of(slopes)]

    def _columns(self, estimates: Estimates, values: Floats) -> list[Column]:  # noqa: ARG002
        return [worded(estimates), estimates.expected, estimates.low, estimates.high]
