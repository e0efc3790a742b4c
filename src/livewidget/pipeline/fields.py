"""What operators ask of a schema, and what they make of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema

NUMBERS = (Kind.FLOAT, Kind.INT)


def expect(schema: Schema, name: str, kinds: Sequence[Kind], operator: str) -> Kind:
    """Return the kind of a column, which is one of `kinds`.

    Raises SchemaError where there is no such column or it is of another kind.
    """
    kind = schema.kind(name)
    if kind not in kinds:
        wanted = " or ".join(f"'{each}'" for each in kinds)
        raise SchemaError(f"{operator} takes a column of kind {wanted}; {name!r} is '{kind}'")
    return kind


def extended(schema: Schema, fields: Iterable[Field], operator: str) -> Schema:
    """Return `schema` with more fields after its own.

    Raises SchemaError where there is one of that name already.
    """
    fields = tuple(fields)
    for field in fields:
        if field.name in schema.names:
            raise SchemaError(f"{operator} adds a column {field.name!r}, which is there already")
    return Schema((*schema.fields, *fields), schema.time)


def retyped(schema: Schema, kinds: dict[str, Kind]) -> Schema:
    """Return `schema` with some of its columns of another kind."""
    fields = (Field(field.name, kinds.get(field.name, field.kind)) for field in schema.fields)
    return Schema(fields, schema.time)


def names_of(value: object, setting: str) -> tuple[str, ...]:
    """Return one name or several, as a user writes them; none where it is None.

    Raises SettingError for what is no name, and for a name given twice.
    """
    if value is None:
        return ()
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
        raise SettingError(f"{setting} is the name of a column or a list; got {quote(value)}")
    if len(set(names)) < len(names):
        raise SettingError(f"{setting} names a column twice: {quote(value)}")
    return tuple(names)


def whole(value: object, setting: str) -> int:
    """Return a setting that is a whole number, 1 or more. Raises SettingError."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SettingError(f"{setting} is a whole number, 1 or more; got {quote(value)}")
    return value
