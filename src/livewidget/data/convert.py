"""One column of anything, into the array its kind asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.errors import SchemaError, quote
from livewidget.data.schema import Kind
from livewidget.data.text import Text

Column = npt.NDArray[Any] | Text
NAT = np.iinfo(np.int64).min
EXACT = 2**53  # the integers up to here are exact in float64

# A time given as a bare number is in the unit that puts it between 1973 and 5138: seconds
# below 1e11, then milliseconds, microseconds, nanoseconds, a factor of a thousand each.
_UNITS = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (math.inf, 1))


def to_column(name: str, values: Any, kind: Kind) -> Column:
    """Return `values` as a fresh column of `kind`; a scalar is a column of length 1.

    Raises SchemaError that names the column, the value and what was expected.
    """
    try:
        return _CONVERTERS[kind](values)
    except (TypeError, ValueError, OverflowError) as error:
        why = f" ({error})" if isinstance(error, SchemaError) else ""
        raise SchemaError(
            f"column {name!r} expects {_EXPECTED[kind]}, got {quote(values)}{why}"
        ) from None


def infer_kind(values: Any) -> Kind:
    """Return the kind that a column of `values` has: time, float or text.

    A column of nothing but None counts as float. Raises SchemaError for anything that is
    neither a number, a time nor text.
    """
    if isinstance(values, Text):
        return Kind.TEXT
    array = _array(values)
    if array.dtype.kind in "fiub":
        return Kind.FLOAT
    if array.dtype.kind == "M":
        return Kind.TIME
    sample = next((each for each in array.tolist() if each is not None), None)
    if array.dtype.kind in "UT" or isinstance(sample, str):
        return Kind.TEXT
    if sample is None or isinstance(sample, (bool, int, float)):
        return Kind.FLOAT
    if hasattr(sample, "isoformat"):
        return Kind.TIME
    raise SchemaError(f"a column holds numbers, times or text, got {quote(sample)}")


def to_times(values: Any) -> npt.NDArray[np.int64]:
    """Return int64 nanoseconds since the epoch, UTC; NaT where missing.

    Takes datetime64, datetimes and ISO 8601 text (naive ones are UTC), pandas times, and
    numbers, whose unit (s, ms, us or ns) follows from their size.
    """
    array = _array(values)
    if array.dtype.kind == "M":
        return array.astype("datetime64[ns]").view(np.int64)
    if array.dtype.kind in "iu":
        return array.astype(np.int64) * _unit(array)
    if array.dtype.kind == "f":
        return _float_times(array)
    if array.dtype.kind == "b":
        raise SchemaError("a truth value is not a time")
    if array.dtype.kind == "O" and all(
        isinstance(each, (int, float)) or each is None for each in array.tolist()
    ):
        return _float_times(array.astype(np.float64))
    return _parsed_times(array)


def _array(values: Any) -> npt.NDArray[Any]:
    if not isinstance(values, np.ndarray):
        values = _no_zone(values)
    return np.atleast_1d(np.asarray(values))


def _no_zone(values: Any) -> Any:
    """Return pandas times with a zone as datetime64 in UTC; all else as it is."""
    if getattr(getattr(values, "dtype", None), "tz", None) is None:
        return values
    utc = getattr(values, "dt", values).tz_convert("UTC")
    return getattr(utc, "dt", utc).tz_localize(None).to_numpy()


def _unit(array: npt.NDArray[Any]) -> int:
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    size = float(np.abs(finite).max()) if finite.size else 0.0
    return next(factor for limit, factor in _UNITS if size < limit)


def _float_times(array: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    factor = _unit(array)
    missing = ~np.isfinite(array)
    whole = np.floor(np.where(missing, 0.0, array))
    part = np.where(missing, 0.0, array - whole)
    times: npt.NDArray[np.int64] = whole.astype(np.int64) * factor
    times += np.rint(part * factor).astype(np.int64)
    times[missing] = NAT
    return times


def _parsed_times(array: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    import pandas as pd

    index = pd.to_datetime(array, utc=True, format="ISO8601" if _all_text(array) else None)
    naive: npt.NDArray[np.datetime64] = np.asarray(index.tz_localize(None), dtype="M8[ns]")
    return naive.astype(np.int64)


def _all_text(array: npt.NDArray[Any]) -> bool:
    return all(isinstance(each, str) or each is None for each in array.tolist())


def _to_floats(values: Any) -> npt.NDArray[np.float64]:
    array = _array(values)
    if array.dtype.kind in "fb":
        return array.astype(np.float64)
    if array.dtype.kind in "iu":
        if array.size and int(np.abs(array).max()) > EXACT:
            raise SchemaError("float64 is not exact beyond 2**53: declare the column as 'int'")
        return array.astype(np.float64)
    if array.dtype.kind != "O":
        raise SchemaError(f"its dtype is {array.dtype}")
    return np.array([_number(each) for each in array.tolist()], dtype=np.float64)


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, (str, bytes)):
        raise SchemaError(f"{quote(value)} is text")
    if isinstance(value, int) and abs(value) > EXACT:
        raise SchemaError("float64 is not exact beyond 2**53: declare the column as 'int'")
    return float(value)  # type: ignore[arg-type]  # a Decimal or a numpy scalar has __float__


def _to_ints(values: Any) -> npt.NDArray[np.int64]:
    array = _array(values)
    if array.dtype.kind not in "iub":
        if array.dtype.kind == "f" and not np.array_equal(array, np.floor(array)):
            raise SchemaError("it holds fractions or missing values")
        if array.dtype.kind == "O" and any(not isinstance(each, int) for each in array.tolist()):
            raise SchemaError("it holds something that is not a whole number")
        if array.dtype.kind not in "fO":
            raise SchemaError(f"its dtype is {array.dtype}")
    return array.astype(np.int64)


def _to_text(values: Any) -> Text:
    if isinstance(values, Text):
        return values
    items: Sequence[object] = [values] if isinstance(values, str) else _array(values).tolist()
    return Text.encode(items)


_CONVERTERS: dict[Kind, Callable[[Any], Column]] = {
    Kind.TIME: to_times,
    Kind.FLOAT: _to_floats,
    Kind.INT: _to_ints,
    Kind.TEXT: _to_text,
}
_EXPECTED = {
    Kind.TIME: "times",
    Kind.FLOAT: "numbers",
    Kind.INT: "whole numbers",
    Kind.TEXT: "text",
}
