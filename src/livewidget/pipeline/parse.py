"""Lines of text taken apart into columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT, Column
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.grok import Part, expand, kind_of
from livewidget.pipeline.moments import times_of
from livewidget.pipeline.operator import Bound, Operator, Tally

MOST_LENGTH = 4_096  # characters of a line; see `grok` for what that costs at worst
_GOOD, _ABSENT = "", "there is no line"


class Parse(Operator):
    """Takes the lines in a column of text apart, by a pattern of the whole line.

    `Parse("line", "%{IP:client} %{NUMBER:bytes:float} %{GREEDYDATA:rest}")`: a regular expression
    with named patterns in it, `%{NAME:field:type}` (see `grok.PATTERNS`; `%{COMMONLOG}` is a web
    server's whole line), and groups `(?P<field>...)`, whose `types` are given beside. A type is
    text, float, int or time: ISO 8601, a number by its size, or the date of HTTPDATE. A field of
    the name of a column replaces it, the time of the event too. The line itself stays where `keep`.

    A line that is longer than `max_length`, does not match, or holds what is not of its type is
    rejected. A group that took no part in the match is missing. Raises SettingError for a pattern
    that is none, or that could take for ever (see `regex`).
    """

    name = "parse"
    heavy = True  # some milliseconds for 1,000 lines

    def __init__(
        self,
        column: str,
        pattern: str,
        *,
        types: Mapping[str, str] | None = None,
        keep: bool = False,
        max_length: int = MOST_LENGTH,
    ) -> None:
        if max_length not in range(1, MOST_LENGTH + 1):
            raise SettingError(
                f"max_length is a whole number from 1 to {MOST_LENGTH}, got {quote(max_length)}"
            )
        if not (_is(keep, bool) and _is(column, str) and _is(types or {}, Mapping)):
            raise SettingError(
                "Parse takes a column's name, a pattern, keep=True or False and types, such as "
                f"{{'bytes': 'float'}}; got {quote(column)}, {quote(keep)} and {quote(types)}"
            )
        self.column = column
        self.keep = keep
        self._pattern, parts = expand(pattern)
        for name in types or {}:
            if name not in [part.name for part in parts]:
                known = ", ".join(part.name for part in parts)
                raise SettingError(f"types names no field of the pattern, {quote(name)}: {known}")
        self._parts = tuple(_typed(part, types or {}) for part in parts)
        self._longest = max_length

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  # an operator's signature
        """Bind to a schema in which the column is text. Raises SchemaError where it is not."""
        if schema.kind(self.column) is not Kind.TEXT:
            raise SchemaError(
                f"Parse expects text in column {self.column!r}, it is {schema.kind(self.column)}"
            )
        new = self._new_schema(schema)
        kept = [schema.index(field.name) for field in schema.fields if field.name in new.names]

        def step(batch: Batch, tally: Tally) -> Batch:
            lines = batch[self.column]
            assert isinstance(lines, Text)
            codes, rows = np.unique(lines.codes, return_inverse=True)
            texts = [lines.categories[code] if code >= 0 else None for code in codes.tolist()]
            columns, why = self._columns(texts)
            named = {schema.names[place]: batch.columns[place] for place in kept}
            named |= {
                part.name: each[rows] for part, each in zip(self._parts, columns, strict=True)
            }
            whole = Batch(new, tuple(named[name] for name in new.names))
            return self._sorted_out(batch, whole, why[rows], tally)

        return Bound(new, step)

    def _new_schema(self, schema: Schema) -> Schema:
        fields = {field.name: field for field in schema.fields}
        if not self.keep:
            del fields[self.column]
        for part in self._parts:
            if part.name == schema.time and part.kind is not Kind.TIME:
                raise SchemaError(
                    f"the field {part.name!r} is the time of the event: it is of type time"
                )
            fields[part.name] = Field(part.name, part.kind)
        return Schema(fields.values(), schema.time)

    def _columns(self, texts: Sequence[str | None]) -> tuple[list[Column], npt.NDArray[np.object_]]:
        """Return the fields of each line as columns, and why a line is none, `_GOOD` if it is."""
        why = np.full(len(texts), _GOOD, dtype=object)
        found: list[tuple[str | None, ...]] = []
        nothing = (None,) * len(self._parts)
        for row, text in enumerate(texts):
            values = self._values(text)
            if isinstance(values, str):
                why[row], values = values, nothing
            found.append(values)
        fields = zip(*found, strict=True)
        return [
            _column(part, each, why) for part, each in zip(self._parts, fields, strict=True)
        ], why

    def _values(self, text: str | None) -> tuple[str | None, ...] | str:
        if text is None:
            return _ABSENT
        if len(text) > self._longest:
            return f"the line has more than {self._longest} characters"
        match = self._pattern.fullmatch(text)
        if match is None:
            return "the line does not match the pattern"
        return tuple(match.group(part.name) for part in self._parts)

    def _sorted_out(
        self, batch: Batch, whole: Batch, why: npt.NDArray[np.object_], tally: Tally
    ) -> Batch:
        late = (why == _GOOD) & (whole.times == NAT)
        why[late] = f"the line has no {whole.schema.time}"
        bad = why != _GOOD
        if not bad.any():
            return whole
        for reason in dict.fromkeys(why[bad].tolist()):
            tally.reject(batch, why == reason, reason, self.name)
        return whole.take(np.flatnonzero(~bad))


def _is(value: object, of: type) -> bool:
    return isinstance(value, of)


def _typed(part: Part, types: Mapping[str, str]) -> Part:
    if part.name not in types:
        return part
    return Part(part.name, kind_of(part.name, types[part.name]), part.form)


def _column(part: Part, texts: Sequence[str | None], why: npt.NDArray[np.object_]) -> Column:
    """Return one field as a column of its kind; note in `why` where it holds something else."""
    if part.kind is Kind.TEXT:
        return Text.encode(texts)
    if part.kind is Kind.TIME:
        values = times_of(texts, part.form)
        wrong = [
            text is not None and value == NAT for text, value in zip(texts, values, strict=True)
        ]
    else:
        values, wrong = _numbers(texts, *_NUMBERS[part.kind])
    for row in np.flatnonzero(wrong).tolist():
        why[row] = why[row] or f"{part.name} is not {_WORDS[part.kind]}"
    return values


def _numbers(
    texts: Sequence[str | None], convert: Callable[[str], float], missing: float | None
) -> tuple[npt.NDArray[Any], list[bool]]:
    """Return the numbers of texts, and where there is none; None: none may be missing."""
    numbers: list[float] = []
    wrong: list[bool] = []
    for text in texts:
        value = missing
        bad = missing is None
        if text is not None:
            try:
                value, bad = convert(text.replace("_", "!")), False  # 1_000 is Python's
            except (ValueError, OverflowError):
                bad = True
        numbers.append(0 if value is None else value)
        wrong.append(bad)
    return np.array(numbers, dtype=np.float64 if missing is not None else np.int64), wrong


def _int(text: str) -> int:
    return int(np.int64(int(text)))  # what 64 bits do not hold is an OverflowError


_NUMBERS: dict[Kind, tuple[Callable[[str], float], float | None]] = {
    Kind.FLOAT: (float, np.nan),
    Kind.INT: (_int, None),
}
_WORDS = {Kind.FLOAT: "a number", Kind.INT: "a whole number", Kind.TIME: "a time"}
