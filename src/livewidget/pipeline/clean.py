"""Cleaning: no event twice, values within bounds, units and text of one form."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT, Column
from livewidget.data.duration import is_number
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import NUMBERS, expect, names_of, retyped, whole
from livewidget.pipeline.fill import ForwardFill, Interpolate
from livewidget.pipeline.operator import Bound, Operator, Tally

Change = Callable[[Any], Column]


class Deduplicate(Operator):
    """Leaves out rows whose key was seen before; they are counted as filtered.

    The key is a column or several. The `memory` keys that were seen last are remembered, the least
    recently seen are forgotten and counted (`counts`). A row whose key is missing altogether
    repeats nothing and passes.
    """

    name = "deduplicate"

    def __init__(self, by: str | Sequence[str], memory: int = 100_000) -> None:
        self._by = names_of(by, "by")
        if not self._by:
            raise SettingError("by names one column at least")
        self.memory = whole(memory, "memory")
        self._known: list[Hashable] = []
        self.counts = Counts("keys forgotten")

    def remember(self, batch: Batch) -> None:
        """Take the keys of rows of an earlier time for seen. Before the first events."""
        kinds = [batch.schema.kind(name) for name in self._by]
        self._known = _keys([batch[name] for name in self._by], kinds)[-self.memory :]

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (keys go by no clock)
        """Return the step. Raises SchemaError for a column that is not there."""
        kinds = [schema.kind(name) for name in self._by]
        seen: OrderedDict[Hashable, None] = OrderedDict.fromkeys(self._known)

        def trim() -> None:
            self.counts.add("keys forgotten", max(0, len(seen) - self.memory))
            while len(seen) > self.memory:
                seen.popitem(last=False)

        def step(batch: Batch, tally: Tally) -> Batch:
            keys = _keys([batch[name] for name in self._by], kinds)
            different = dict.fromkeys(keys)
            fresh = len(different) == len(keys) and None not in different
            if fresh and different.keys().isdisjoint(seen.keys()):
                seen.update(different)
                keep = None
            else:
                keep = np.array([_first(key, seen, trim) for key in keys], dtype=bool)
            trim()
            if keep is None or keep.all():
                return batch
            tally.filtered += int(len(batch) - keep.sum())
            return batch.take(keep)

        return Bound(schema, step)


def _first(key: Hashable, seen: OrderedDict[Hashable, None], trim: Callable[[], None]) -> bool:
    """Say whether a key is seen for the first time, and remember it."""
    if key is None:
        return True
    if key in seen:
        seen.move_to_end(key)
        return False
    seen[key] = None
    trim()
    return True


def _keys(columns: Sequence[Column], kinds: Sequence[Kind]) -> list[Hashable]:
    """Return the key of each row; None where all of it is missing."""
    lists = [_plain(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    if len(lists) == 1:
        return lists[0]
    nothing = (None,) * len(lists)
    return [None if key == nothing else key for key in zip(*lists, strict=True)]


def _plain(column: Column, kind: Kind) -> list[Hashable]:
    """Return plain values, with None for what is missing: it equals itself, as NaN does not."""
    if isinstance(column, Text):
        return list(column.decode().tolist())
    values: list[Hashable] = column.tolist()
    missing = np.isnan(column) if kind is Kind.FLOAT else column == NAT
    if kind is not Kind.INT and missing.any():
        for row in np.flatnonzero(missing).tolist():
            values[row] = None
    return values


class Clip(Operator):
    """Brings numbers within bounds: `Clip(price=(0, 1e6), size=(0, None))`; None is no bound."""

    name = "clip"

    def __init__(
        self,
        columns: Mapping[str, tuple[float | None, float | None]] | None = None,
        **by_name: tuple[float | None, float | None],
    ) -> None:
        self._bounds = {**(columns or {}), **by_name}
        for name, bounds in self._bounds.items():
            if not _are_bounds(bounds):
                raise SettingError(
                    f"Clip takes a low and a high bound of {name!r}, the low one not above the "
                    f"high one, None for no bound; got {quote(bounds)}"
                )

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (numbers go by no clock)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers."""
        changes = {}
        for name, (low, high) in self._bounds.items():
            kind = expect(schema, name, NUMBERS, "Clip")
            least, most = -math.inf if low is None else low, math.inf if high is None else high
            changes[schema.index(name)] = _clip(least, most, kind)
        return Bound(schema, _changing(schema, changes))


def _are_bounds(bounds: Any) -> bool:
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:  # noqa: PLR2004  (low and high)
        return False
    if not all(bound is None or (is_number(bound) and bound == bound) for bound in bounds):  # noqa: PLR0124  (NaN)
        return False
    low, high = bounds
    return low is None or high is None or low <= high


def _clip(low: float, high: float, kind: Kind) -> Change:
    if kind is Kind.INT:  # float64 would round whole numbers beyond 2**53
        edges = np.iinfo(np.int64)
        low = edges.min if low <= edges.min else min(math.ceil(low), edges.max)
        high = edges.max if high >= edges.max else max(math.floor(high), edges.min)
        if low > high:
            raise SettingError("Clip takes bounds with a whole number between them for kind 'int'")

    def change(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if np.minimum.reduce(column) >= low and np.maximum.reduce(column) <= high:
            return column
        clipped: npt.NDArray[Any] = np.clip(column, low, high)
        return clipped

    return change


class Normalise(Operator):
    """Brings columns to one form, with constants that are given and not learnt.

    `{"mean": m, "std": s}` is (x - m) / s; `{"low": a, "high": b}` is (x - a) / (b - a);
    `{"scale": k, "offset": c}` is k x + c, for units; for text a list of "strip", "lower" and
    "upper". Numbers become float64.
    `Normalise(temperature={"scale": 1.8, "offset": 32}, symbol=["strip", "upper"])`.
    """

    name = "normalise"

    def __init__(
        self,
        columns: Mapping[str, Mapping[str, float] | Sequence[str]] | None = None,
        **by_name: Mapping[str, float] | Sequence[str],
    ) -> None:
        self._forms = {
            name: _form(name, form) for name, form in {**(columns or {}), **by_name}.items()
        }

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (no clock in constants)
        """Return the step. Raises SchemaError for a column that is absent or of another kind."""
        changes, kinds = {}, {}
        for name, (takes, change) in self._forms.items():
            expect(schema, name, takes, "Normalise")
            changes[schema.index(name)] = change
            if takes is NUMBERS:
                kinds[name] = Kind.FLOAT
        schema = retyped(schema, kinds)
        return Bound(schema, _changing(schema, changes))


def _form(name: str, form: Any) -> tuple[Sequence[Kind], Change]:
    if isinstance(form, Mapping):
        return NUMBERS, _linear(name, form)
    words = tuple(form) if isinstance(form, (tuple, list)) else (form,)
    known: dict[str, Callable[[str], str]] = {
        "strip": str.strip,
        "lower": str.lower,
        "upper": str.upper,
    }
    if not words or not all(word in known for word in words):
        raise SettingError(f"{name}: text takes {', '.join(known)}; got {quote(form)}")
    return (Kind.TEXT,), lambda text: _rewritten(text, [known[word] for word in words])


def _linear(name: str, form: Mapping[str, Any]) -> Change:
    for value in form.values():
        if not is_number(value) or not math.isfinite(value):
            raise SettingError(f"{name}: a constant is a finite number; got {quote(form)}")
    match dict(form):
        case {"mean": mean, "std": std, **rest} if not rest and std > 0:
            return _quietly(lambda column: (column - mean) / std)
        case {"low": low, "high": high, **rest} if not rest and low < high:
            return _quietly(lambda column: (column - low) / (high - low))
        case {**rest} if rest and rest.keys() <= {"scale", "offset"} and rest.get("scale", 1) != 0:
            scale, offset = rest.get("scale", 1.0), rest.get("offset", 0.0)
            return _quietly(lambda column: column * float(scale) + offset)
    raise SettingError(
        f"{name}: Normalise takes mean and std (above 0), low and high (above low), or scale (not "
        f"0) and offset; got {quote(dict(form))}"
    )


def _quietly(change: Change) -> Change:
    """Return the change without numpy's warning where a result is too large: it is infinite."""

    def quiet(column: Any) -> Column:
        with np.errstate(over="ignore"):
            return change(column)

    return quiet


def _rewritten(text: Text, changes: Sequence[Callable[[str], str]]) -> Text:
    table: dict[str, int] = {}
    codes = []
    for category in text.categories:
        for change in changes:
            category = change(category)  # noqa: PLW2901  (one change after the other)
        codes.append(table.setdefault(category, len(table)))
    return Text(np.array([*codes, -1], dtype=np.int32)[text.codes], tuple(table))


def _changing(schema: Schema, changes: Mapping[int, Change]) -> Callable[[Batch, Tally], Batch]:
    """Return a step that puts a changed column in the place of each of some columns."""

    def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
        columns = list(batch.columns)
        for place, change in changes.items():
            columns[place] = change(columns[place])
        return Batch(schema, tuple(columns))

    return step


class Clean(Pipeline):
    """The usual cleaning, in this order: each part is the setting of the operator of its name.

    `Clean(deduplicate="id", normalise={...}, clip={"price": (0, 1e6)}, interpolate="price",
    fill=["price", "size"], by="symbol")`; `by` is the key of `interpolate` and `fill`. For more of
    their settings use the operators themselves.
    """

    name = "clean"

    def __init__(
        self,
        *,
        deduplicate: str | Sequence[str] | None = None,
        normalise: Mapping[str, Mapping[str, float] | Sequence[str]] | None = None,
        clip: Mapping[str, tuple[float | None, float | None]] | None = None,
        interpolate: str | Sequence[str] | None = None,
        fill: str | Sequence[str] | None = None,
        by: str | Sequence[str] | None = None,
    ) -> None:
        operators: list[Operator] = []
        if deduplicate is not None:
            operators.append(Deduplicate(deduplicate))
        if normalise is not None:
            operators.append(Normalise(normalise))
        if clip is not None:
            operators.append(Clip(clip))
        if interpolate is not None:
            operators.append(Interpolate(interpolate, by=by))
        if fill is not None:
            operators.append(ForwardFill(fill, by=by))
        super().__init__(operators)
