"""The shape of a batch: which columns, by which names, and whatever a user's function makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT, Column, to_column
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema, unknown_column
from livewidget.data.text import Text
from livewidget.pipeline.fields import names_of, retyped
from livewidget.pipeline.operator import Bound, Operator, Tally

PLACE = "\0place"  # the column by which ByType finds the order again; no user's name has a NUL


def picked(schema: Schema, names: tuple[str, ...]) -> Bound:
    """Return the step that keeps the columns `names`, in that order."""
    places = [schema.index(name) for name in names]
    after = Schema((schema.fields[place] for place in places), schema.time)

    def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
        return Batch(after, tuple(batch.columns[place] for place in places))

    return Bound(after, step)


class Select(Operator):
    """Keeps some columns, in the order given; the time column stays, named or not."""

    name = "select"

    def __init__(self, *names: str) -> None:
        self._names = names_of(list(names), "Select")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (no clock in names)
        """Return the step. Raises SchemaError for a column that is not there."""
        for name in self._names:
            schema.kind(name)
        always = [name for name in (schema.time, PLACE) if name in schema.names]
        first = [name for name in always if name not in self._names]
        return picked(schema, (*first, *self._names))


class Drop(Operator):
    """Leaves out some columns; the time column cannot be left out."""

    name = "drop"

    def __init__(self, *names: str) -> None:
        self._names = names_of(list(names), "Drop")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (no clock in names)
        """Return the step. Raises SchemaError for a column that is not there, and for the time."""
        for name in self._names:
            schema.kind(name)
        if schema.time in self._names:
            raise SchemaError(f"the time column {schema.time!r} cannot be dropped")
        return picked(schema, tuple(name for name in schema.names if name not in self._names))


class Rename(Operator):
    """Gives columns other names, `Rename(px="price")` or `Rename({"px": "price"})`."""

    name = "rename"

    def __init__(self, names: Mapping[str, str] | None = None, **by_name: str) -> None:
        self._names = {**(names or {}), **by_name}
        names_of(list(self._names.values()), "Rename")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (no clock in names)
        """Return the step. Raises SchemaError for a column that is not there, or a name taken."""
        for name in self._names:
            schema.kind(name)
        fields = [Field(self._names.get(each.name, each.name), each.kind) for each in schema.fields]
        after = Schema(fields, self._names.get(schema.time, schema.time))

        def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
            return Batch(after, batch.columns)

        return Bound(after, step)


class Columns(Mapping[str, npt.NDArray[Any]]):
    """A batch as its arrays by name, read-only.

    Numbers are as they are, times datetime64[ns] in UTC, and text an array of objects (str, None
    where missing), which is made when it is asked for.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        schema = self._batch.schema
        if name not in schema.names:
            raise KeyError(str(unknown_column(name, list(self))))
        column = self._batch[name]
        if isinstance(column, Text):
            return column.decode()
        view = column.view("datetime64[ns]") if schema.kind(name) is Kind.TIME else column.view()
        view.flags.writeable = False
        return view

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._batch.schema.names if name != PLACE)

    def __len__(self) -> int:
        return sum(1 for _ in self)


Function = Callable[[Columns], Any]


class Apply(Operator):
    """Calls a function of the user's with the columns of each batch (`Columns`).

    It returns which rows stay, bool[n], or a mapping of columns by name. Those of n rows take the
    place of the batch's own or stand beside them; with fewer rows every column must be among them.
    What is left out counts as filtered. `schema` tells the kinds of new columns,
    `{"mid": "float"}`, or is the whole Schema that comes out. What the function raises is raised,
    and so is SchemaError for more rows than went in and for columns that do not fit. `heavy` puts
    it on a worker.
    """

    def __init__(
        self,
        function: Function,
        name: str | None = None,
        *,
        heavy: bool = False,
        schema: Schema | Mapping[str, str] | None = None,
    ) -> None:
        if not callable(function):
            raise SettingError(f"Apply takes a function of columns; got {quote(function)}")
        self._function = function
        self._schema = schema
        self.name = name or str(getattr(function, "__name__", "apply"))
        self.heavy = heavy

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (the function's business)
        """Return the step. Raises SchemaError for kinds that there are not."""
        after = _after(schema, self._schema)

        def step(batch: Batch, tally: Tally) -> Batch:
            made = self._function(Columns(batch))
            if isinstance(made, Mapping):
                result = _assembled(self.name, made, batch, after)
            else:
                result = _filtered(self.name, made, batch, after)
            tally.filtered += len(batch) - len(result)
            return result

        return Bound(after, step)


def _after(schema: Schema, given: Schema | Mapping[str, str] | None) -> Schema:
    if given is None:
        return schema
    if isinstance(given, Schema):
        hidden = [field for field in schema.fields if field.name == PLACE]
        return Schema((*given.fields, *hidden), given.time)
    kinds = {name: _kind(name, kind) for name, kind in given.items()}
    changed = retyped(schema, kinds)
    more = [Field(name, kind) for name, kind in kinds.items() if name not in schema.names]
    return Schema((*changed.fields, *more), schema.time)


def _kind(name: str, kind: str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        expected = ", ".join(Kind)
        raise SchemaError(f"the kind of {name!r} is one of {expected}; got {quote(kind)}") from None


def _filtered(name: str, made: Any, batch: Batch, after: Schema) -> Batch:
    keep = np.asarray(made)
    if keep.dtype != bool or keep.shape != (len(batch),):
        raise SchemaError(
            f"{name} returns a mapping of columns, or a truth value for each of {len(batch)} rows; "
            f"got {quote(made)}"
        )
    return _assembled(name, {}, batch if keep.all() else batch.take(keep), after)


def _assembled(name: str, made: Mapping[str, Any], batch: Batch, after: Schema) -> Batch:
    """Return what a function made, with the batch's own columns where it has as many rows."""
    for each in made:
        if each not in after.names or each == PLACE:
            known = [column for column in after.names if column != PLACE]
            raise SchemaError(
                f"{name} returns a column that is not declared: {unknown_column(each, known)}; "
                f"declare its kind, Apply(..., schema={{{quote(each)}: 'float'}})"
            )
    columns = {each: to_column(each, made[each], after.kind(each)) for each in made}
    sizes = {each: len(column) for each, column in columns.items()}
    size = next(iter(sizes.values()), len(batch))
    if set(sizes.values()) - {size}:
        raise SchemaError(f"{name} returns columns of different lengths: {sizes}")
    if size > len(batch):
        raise SchemaError(f"{name} returns {size} rows of {len(batch)}; it may return fewer only")
    whole = [
        columns[field.name] if field.name in columns else _own(name, field, batch, size)
        for field in after.fields
    ]
    result = Batch(after, tuple(whole))
    if after.time in columns and (result.times == NAT).any():
        raise SchemaError(f"{name} returns a row without a time (NaT) in {after.time!r}")
    return result


def _own(name: str, field: Field, batch: Batch, size: int) -> Column:
    """Return the batch's own column for one that the function did not make."""
    if field.name == PLACE:  # of fewer rows nobody knows which they are
        return batch[PLACE][:size]
    if field not in batch.schema.fields:
        raise SchemaError(f"{name} does not return the column {field.name!r} that it declares")
    if size < len(batch):
        raise SchemaError(
            f"{name} returns {size} rows of {len(batch)} and not the column {field.name!r}: "
            "return all columns, or which rows stay"
        )
    return batch[field.name]
