"""What the columns of a stream are called and what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from livewidget.data.errors import SchemaError, quote


class Kind(StrEnum):
    """The four kinds of column.

    Numbers are float64 unless a schema asks for `int`: a feed that sends 1 and then 1.5
    is one column, and integers that float64 cannot hold are refused, never rounded.
    """

    TIME = "time"  # int64, nanoseconds since the epoch, UTC
    FLOAT = "float"  # float64; NaN where missing
    INT = "int"  # int64; nothing may be missing
    TEXT = "text"  # int32 codes into categories; -1 where missing


DTYPES: dict[Kind, np.dtype[np.generic]] = {
    Kind.TIME: np.dtype(np.int64),
    Kind.FLOAT: np.dtype(np.float64),
    Kind.INT: np.dtype(np.int64),
    Kind.TEXT: np.dtype(np.int32),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name and its kind."""

    name: str
    kind: Kind


class Schema:
    """An ordered set of fields, one of which is the time of the event.

    Immutable and hashable. `time` names a field of kind TIME.
    """

    __slots__ = ("fields", "names", "time")

    def __init__(self, fields: Iterable[Field], time: str) -> None:
        self.fields = tuple(fields)
        self.names = tuple(field.name for field in self.fields)
        self.time = time
        if len(set(self.names)) != len(self.names):
            raise SchemaError(f"columns must have different names, got {list(self.names)}")
        if self.kind(time) is not Kind.TIME:
            raise SchemaError(f"column {time!r} is the time axis and must be of kind 'time'")

    @classmethod
    def of(cls, kinds: Mapping[str, str], time: str) -> Schema:
        """Build from names and kinds, `{"time": "time", "bid": "float"}`."""
        try:
            fields = [Field(name, Kind(kind)) for name, kind in kinds.items()]
        except ValueError:
            expected = ", ".join(kind.value for kind in Kind)
            raise SchemaError(f"a column's kind is one of {expected}; got {dict(kinds)}") from None
        return cls(fields, time)

    def index(self, name: str) -> int:
        """Return the place of a column. Raises SchemaError with the names there are."""
        try:
            return self.names.index(name)
        except ValueError:
            raise unknown_column(name, self.names) from None

    def kind(self, name: str) -> Kind:
        """Return the kind of a column. Raises SchemaError with the names there are."""
        return self.fields[self.index(name)].kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and (self.fields, self.time) == (other.fields, other.time)

    def __hash__(self) -> int:
        return hash((self.fields, self.time))

    def __repr__(self) -> str:
        inner = ", ".join(f"{field.name}: {field.kind}" for field in self.fields)
        return f"Schema({inner}; time={self.time!r})"


def unknown_column(name: object, known: Iterable[object]) -> SchemaError:
    """Return the error for a name that is not among the columns."""
    names = ", ".join(repr(each) for each in known)
    return SchemaError(f"there is no column {quote(name)}; the columns are {names}")
