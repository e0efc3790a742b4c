"""CSV to columns. A stand-in, until the decoder of this name is merged."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from livewidget.codecs.base import Decoded, Rejected
from livewidget.codecs.columns import pack


class CsvDecoder:
    """Reads messages of one or more lines, with `columns=None` under a header of their own."""

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        *,
        fields: Sequence[str] | None = None,
        needs: Sequence[str] = (),
        delimiter: str = ",",
        max_bytes: int = 1 << 20,
    ) -> None:
        self._columns = columns
        self._fields = fields
        self._needs = needs
        self._delimiter = delimiter
        self._max_bytes = max_bytes

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order."""
        table: dict[str, list[float | str | None]] = {}
        rejected: list[Rejected] = []
        rows = 0
        for message in messages:
            lines = message.decode(errors="surrogateescape").splitlines()
            names = self._columns or next(csv.reader(lines[:1], delimiter=self._delimiter))
            for line in lines[0 if self._columns else 1 :]:
                try:
                    cells = next(csv.reader([line], delimiter=self._delimiter, strict=True))
                except csv.Error as error:
                    rejected.append(Rejected(line, f"not CSV: {error}"))
                    continue
                if len(cells) != len(names) or not line.isprintable():
                    rejected.append(Rejected(line, f"not a row of {len(names)} columns"))
                    continue
                for name, cell in zip(names, cells, strict=True):
                    table.setdefault(name, [None] * rows).append(_value(cell))
                rows += 1
        return Decoded({name: pack(values) for name, values in table.items()}, rows, rejected)


def _value(cell: str) -> float | str | None:
    try:
        return float(cell)
    except ValueError:
        return cell or None
