"""One column of anything, into the array its kind asks for."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.errors import SchemaError, quote
from livewidget.data.schema import Kind
from livewidget.data.text import PLAIN, Text, is_missing

Column = npt.NDArray[Any] | Text
NAT = np.iinfo(np.int64).min
EXACT = 2**53  # the integers up to here are exact in float64
_REACH = 2.0**63
_ROUNDED = "float64 is not exact beyond 2**53: declare the column as 'int'"
_TOO_FAR = "a time before the year 1678 or after 2262"

# A time given as a bare number is in the unit that puts it between 1973 and 5138: seconds
# below 1e11, then milliseconds, microseconds, nanoseconds, a factor of a thousand each. Each number
# by itself, so that one that is wrong changes no other.
_LIMITS = [1e11, 1e14, 1e17]
_FACTORS = np.array([1_000_000_000, 1_000_000, 1_000, 1])


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

    A column of nothing but missing values counts as float. Raises SchemaError for anything that is
    neither a number, a time nor text.
    """
    if isinstance(values, Text):
        return Kind.TEXT
    try:
        array = _array(values)
    except ValueError as error:  # rows of different lengths
        raise SchemaError(f"a column holds one value a row, got {quote(values)}") from error
    if array.dtype.kind in "fiub":
        return Kind.FLOAT
    if array.dtype.kind == "M":
        return Kind.TIME
    sample = next((each for each in array.tolist() if not is_missing(each)), None)
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
    numbers, the unit of each of which (s, ms, us or ns) follows from its size. Raises SchemaError
    for what nanoseconds in 64 bits do not reach: before 1678 and after 2262.
    """
    array = _array(values)
    if array.dtype.kind == "M":
        return _nanoseconds(array)
    if array.dtype.kind in "iu":
        return array.astype(np.int64) * _factors(np.abs(array.astype(np.float64)))
    if array.dtype.kind == "f":
        if _rounds(values, array):
            return np.concatenate([to_times([each]) for each in values])
        return _float_times(array)
    if array.dtype.kind == "b":
        raise SchemaError("a truth value is not a time")
    return _object_times(array) if array.dtype.kind == "O" else _parsed_times(array)


def _object_times(array: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the times of an object array: what is there is of one kind, some may be missing."""
    missing = np.array([is_missing(each) for each in array.tolist()], dtype=bool)
    times = np.full(array.shape, NAT)
    known = array[~missing]
    if not len(known):
        return times
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in known):
        numbers = known.tolist()
        if np.asarray(numbers).dtype == object:  # more than 64 bits
            raise SchemaError(_TOO_FAR)
        times[~missing] = to_times(numbers)
    elif all(isinstance(each, str) for each in known) or all(
        hasattr(each, "isoformat") for each in known
    ):
        times[~missing] = _parsed_times(known)
    else:
        raise SchemaError("it mixes numbers, text and times, or holds something else")
    return times


def _array(values: Any) -> npt.NDArray[Any]:
    if isinstance(values, Text):  # times in ISO 8601, or what the caller refuses
        return values.decode()
    if not isinstance(values, np.ndarray):
        values = _no_zone(values)
    array = np.atleast_1d(np.asarray(values))
    if isinstance(values, (list, tuple)) and _is_mixed(values, array.dtype.kind):
        return np.asarray(values, dtype=object)
    return array


def _is_mixed(values: Sequence[object], kind: str) -> bool:
    """Say whether numpy made text of numbers beside text, or numbers of truths beside numbers."""
    if kind == "U":
        return not all(isinstance(each, str) for each in values)
    return kind in "if" and bool in set(map(type, values))


def _no_zone(values: Any) -> Any:
    """Return pandas times with a zone as datetime64 in UTC; all else as it is."""
    if getattr(getattr(values, "dtype", None), "tz", None) is None:
        return values
    utc = getattr(values, "dt", values).tz_convert("UTC")
    return getattr(utc, "dt", utc).tz_localize(None).to_numpy()


def _factors(sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.int64] | int:
    """Return the nanoseconds in the unit of each number, or one factor where all have the same."""
    if not sizes.size:
        return 1
    most = float(sizes.max())
    first, last = (bisect_right(_LIMITS, each) for each in (float(sizes.min()), most))
    if first == last:  # without numpy: what comes in is often a row or two
        factor = int(_FACTORS[first])
        if most * factor >= _REACH:
            raise SchemaError(_TOO_FAR)
        return factor
    factors = _FACTORS[np.searchsorted(_LIMITS, sizes, side="right")]
    _check_reach(sizes * factors)
    return factors


def _check_reach(sizes: npt.NDArray[np.float64]) -> None:
    if sizes.max() >= _REACH:
        raise SchemaError(_TOO_FAR)


def _nanoseconds(array: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    times = array.astype("datetime64[ns]")
    coarse = np.datetime_data(array.dtype)[0] not in ("ns", "ps", "fs", "as")
    if coarse and bool((~np.isnat(array) & (times.astype(array.dtype) != array)).any()):
        raise SchemaError(_TOO_FAR)
    return times.view(np.int64)


def _float_times(array: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    finite = np.isfinite(array)
    missing = None if finite.all() else ~finite  # nearly always: two passes fewer
    known = array if missing is None else np.where(missing, 0.0, array)
    factors = _factors(np.abs(known))
    whole = np.floor(known)
    times: npt.NDArray[np.int64] = whole.astype(np.int64) * factors
    times += np.rint((known - whole) * factors).astype(np.int64)
    if missing is not None:
        times[missing] = NAT
    return times


def _parsed_times(array: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    import pandas as pd

    text = array.dtype.kind == "U" or isinstance(array[0], str)
    index = pd.to_datetime(array, utc=True, format="ISO8601" if text else None)
    return _nanoseconds(np.asarray(index.tz_localize(None).to_numpy()))


def _to_floats(values: Any) -> npt.NDArray[np.float64]:
    array = _array(values)
    if array.dtype.kind in "fb":
        _refuse_rounding(values, array)
        return array.astype(np.float64)
    if array.dtype.kind in "iu":
        if array.size and int(np.abs(array).max()) > EXACT:
            raise SchemaError(_ROUNDED)
        return array.astype(np.float64)
    if array.dtype.kind != "O":
        raise SchemaError(f"its dtype is {array.dtype}")
    return np.array([_number(each) for each in array.tolist()], dtype=np.float64)


def _refuse_rounding(values: Any, array: npt.NDArray[Any]) -> None:
    if _rounds(values, array):
        raise SchemaError(_ROUNDED)


def _rounds(values: Any, array: npt.NDArray[Any]) -> bool:
    """Say whether whole numbers stand in a list beside fractions, where numpy rounds unasked."""
    return (
        isinstance(values, (list, tuple))
        and bool((np.abs(array) >= EXACT).any())
        and any(isinstance(each, int) and abs(each) > EXACT for each in values)
    )


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, (str, bytes)):
        raise SchemaError(f"{quote(value)} is text")
    if isinstance(value, int) and abs(value) > EXACT:
        raise SchemaError(_ROUNDED)
    return float(value)  # type: ignore[arg-type]  # a Decimal or a numpy scalar has __float__


def _to_ints(values: Any) -> npt.NDArray[np.int64]:
    array = _array(values)
    if array.dtype.kind not in "iub":
        if array.dtype.kind == "f":
            _refuse_rounding(values, array)
        if array.dtype.kind == "f" and not np.array_equal(array, np.floor(array)):
            raise SchemaError("it holds fractions or missing values")
        if array.dtype.kind == "O" and any(not isinstance(each, int) for each in array.tolist()):
            raise SchemaError("it holds something that is not a whole number")
        if array.dtype.kind not in "fO":
            raise SchemaError(f"its dtype is {array.dtype}")
    if array.dtype.kind in "fu" and array.size and float(np.abs(array).max()) >= _REACH:
        raise SchemaError("it holds something that 64 bits cannot")
    return array.astype(np.int64)


def _to_text(values: Any) -> Text:
    if isinstance(values, Text):
        return values
    if isinstance(values, list) and PLAIN.issuperset(map(type, values)):
        return Text.encode(values)  # a detour by numpy costs thrice
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
