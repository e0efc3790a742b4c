"""Lines of separated values to columns (RFC 4180; the delimiter may be another)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from livewidget.codecs.base import Decoded, Rejected, given_up, too_long
from livewidget.codecs.columns import EXACT, MOST_FIELDS, Values, bounded, pack
from livewidget.codecs.paths import Fields, wanted
from livewidget.data.batch import lacks
from livewidget.data.errors import SettingError, quote

_Row = list[str]
_Segment = tuple[Sequence[str], list[_Row]]  # the names of columns, and rows of as many cells


class CsvDecoder:
    """Reads batches of messages of one line or more. Stateless between calls; one thread at a time.

    `columns` names what is in a line; without it the first line of each message is its header.
    `fields` are those to keep, or a mapping from columns to names in the header; `needs` and
    `max_bytes` are as of `JsonDecoder`. Text is UTF-8; a cell may be quoted, with line breaks and
    doubled quotes in it, and an empty one is a missing value. A line with another number of cells
    is rejected.

    Whole numbers become int64, others float64, all else is text. Where both are in one column of a
    batch, it is one of numbers if these are the most: the schema then refuses the rows with the
    others. Columns in `text` are text whatever they look like: `00501` is no number there.
    """

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        *,
        fields: Fields | None = None,
        needs: Sequence[str] = (),
        text: Sequence[str] = (),
        delimiter: str = ",",
        max_bytes: int = 1 << 20,
    ) -> None:
        paths = wanted(fields)
        self._wanted = None if paths is None else {path.name: path.key for path in paths}
        self._columns = None if columns is None else _checked(columns)
        self._needs = tuple(needs)
        self._text = frozenset(text)
        if len(str(delimiter)) != 1 or delimiter in '"\r\n':
            raise SettingError(f"delimiter is one character, got {quote(delimiter)}")
        self._delimiter = delimiter
        self._max_bytes = max_bytes
        if self._columns is not None and (why := self._lacking(self._columns)):
            raise SettingError(f"columns: {why}")

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order. Never raises for what is in a message."""
        rejected: list[Rejected] = []
        segments: list[_Segment] = []
        for message in messages:
            names, rows = self._read(message, rejected)
            if segments and segments[-1][0] == names:
                segments[-1][1].extend(rows)
            elif rows:
                segments.append((names, rows))
        size = sum(len(rows) for _, rows in segments)
        return Decoded(self._transposed(segments), size, rejected)

    def _read(self, message: bytes, rejected: list[Rejected]) -> _Segment:
        """Return the names and the rows of one message, no rows where it is refused as a whole."""
        if len(message) > self._max_bytes:
            rejected.append(too_long(message, self._max_bytes))
            return (), []
        rows, why = self._rows(message)
        if why or not rows:
            rejected.append(Rejected(message, why or "there is no line in the message"))
        if not rows:
            return (), []
        names: Sequence[str] | None = self._columns
        if names is None:
            names = [name.strip() for name in rows.pop(0)]
            if bad := _wrong(names) or self._lacking(names):
                rejected.append(Rejected(message, bad))
                return (), []
        return names, list(self._whole(names, rows, message, rejected))

    def _rows(self, message: bytes) -> tuple[list[_Row], str]:
        """Return the lines of a message up to one that cannot be read, and why that cannot."""
        try:
            text = message.decode("utf-8-sig")
        except UnicodeDecodeError:
            return [], "not text in UTF-8"
        if '"' not in text:
            if "\r" in text:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            return [line.split(self._delimiter) for line in text.split("\n") if line], ""
        rows: list[_Row] = []
        lines = io.StringIO(text, newline="")
        try:
            rows.extend(
                row for row in csv.reader(lines, delimiter=self._delimiter, strict=True) if row
            )
        except csv.Error as error:
            return rows, f"not CSV: {error}"
        return rows, ""

    def _whole(
        self, names: Sequence[str], rows: list[_Row], message: bytes, rejected: list[Rejected]
    ) -> Iterator[_Row]:
        size, begun = len(names), len(rejected)
        for row in rows:
            if len(row) != size:
                why = f"a line of {len(row)} cells where {size} are expected"
            elif not any(row):
                why = "there is nothing in the line"
            else:
                yield row
                continue
            rejected.append(Rejected(self._delimiter.join(row), why))
            if given_up(rejected, begun, message):
                return

    def _lacking(self, names: Sequence[str]) -> str:
        """Return why lines with these columns are of no use, or nothing."""
        kept = list(self._places(names))
        if self._needs and not set(self._needs) & set(kept):
            return lacks(self._needs, names)
        return "" if kept else lacks(list((self._wanted or {}).values()), names)

    def _places(self, names: Sequence[str]) -> dict[str, int]:
        """Return where in a line the cells of each column are that is kept."""
        if self._wanted is None:
            return {name: place for place, name in enumerate(names)}
        places = {name: place for place, name in enumerate(names)}
        return {name: places[key] for name, key in self._wanted.items() if key in places}

    def _transposed(self, segments: list[_Segment]) -> dict[str, Values]:
        placed = [
            (self._places(names), list(zip(*rows, strict=True)), len(rows))
            for names, rows in segments
        ]
        columns = {}
        names = dict.fromkeys(chain.from_iterable(places for places, _, _ in placed))
        for name in bounded(names, sum(size for _, _, size in placed)):
            cells: list[str] = []
            for places, lines, size in placed:
                cells.extend(lines[places[name]] if name in places else [""] * size)
            columns[name] = _texts(cells) if name in self._text else _column(cells)
        return columns


def _checked(columns: Sequence[str]) -> list[str]:
    if isinstance(columns, str) or not all(isinstance(name, str) for name in columns):
        raise SettingError(f"columns are a list of names, got {quote(columns)}")
    names = list(columns)
    if not names:
        raise SettingError("columns: there is none")
    if why := _wrong(names):
        raise SettingError(f"columns: {why}")
    return names


def _wrong(names: Sequence[str]) -> str:
    if len(names) > MOST_FIELDS:
        return f"there are more than {MOST_FIELDS} columns"
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    return "" if twice is None else f"two columns are called {quote(twice)}"


def _column(cells: list[str]) -> Values:
    """Return the cells of one column as numbers where they are, else as text."""
    if "_" in "".join(cells):  # Python reads 1_000 as a number
        return _mixed(cells)
    try:
        return pack(list(map(int, cells)))
    except ValueError:
        pass
    try:
        numbers = np.array(list(map(float, cells)))
    except ValueError:
        return _mixed(cells)
    exact = not (np.abs(numbers) >= EXACT).any()
    return numbers if exact else _mixed(cells)


def _mixed(cells: list[str]) -> Values:
    table = {cell: _value(cell) for cell in set(cells)}  # text is often the same again
    values = [table[cell] for cell in cells]
    kinds = list(map(type, values))
    texts, missing = kinds.count(str), values.count(None)
    return pack(values) if not texts or 2 * texts < len(cells) - missing else _texts(cells)


def _value(cell: str) -> Any:
    if not cell:
        return None
    if "_" in cell:
        return cell
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


def _texts(cells: list[str]) -> Values:
    return [cell or None for cell in cells]
