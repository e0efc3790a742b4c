"""Binary records of fixed length to columns, by a numpy dtype."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.codecs.base import Decoded, Rejected, too_long
from livewidget.codecs.columns import Values
from livewidget.codecs.paths import Fields, wanted
from livewidget.data.batch import lacks
from livewidget.data.errors import SettingError, quote
from livewidget.data.text import Text

_Take = tuple[str | int, ...]  # the names and places that lead to one value of a record
_MOST_PLACES = 1_000  # of an array in a record


class BinaryDecoder:
    """Reads batches of messages that are one record or several. One thread at a time.

    `dtype` is a structured numpy dtype, offsets and padding included; what it says of a byte
    order is heeded. Fields are numbers, truth values, `S` (text in UTF-8 up to its trailing NULs;
    what is not UTF-8 shows as U+FFFD) and `M8[unit]` (times). A record or an array in a record is
    reached by a path, `pos.x` or `levels.0`, and is left out where nobody asks. `fields`, `needs`
    and `max_bytes` are as of `JsonDecoder`. Raises SettingError for a dtype without such fields.
    """

    def __init__(
        self,
        dtype: object,
        *,
        fields: Fields | None = None,
        needs: Sequence[str] = (),
        max_bytes: int = 1 << 20,
    ) -> None:
        self._dtype = _structured(dtype)
        there = dict(_leaves(self._dtype, ()))
        paths = wanted(fields)
        if paths is None:
            plain = {name: take for name, take in there.items() if len(take) == 1}
            self._takes = plain | {name: there[name] for name in needs if name in there}
        else:
            self._takes = {path.name: there[path.key] for path in paths if path.key in there}
        asked = [path.key for path in paths or ()]
        if needs and not set(needs) & set(self._takes):
            raise SettingError(f"the records are of no use: {lacks(needs, there)}")
        if not self._takes:
            raise SettingError(f"the records are of no use: {lacks(asked or ['…'], there)}")
        self._max_bytes = max_bytes

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order. Never raises for what is in a message."""
        rejected: list[Rejected] = []
        whole = list(self._whole(messages, rejected))
        records = np.frombuffer(b"".join(whole), dtype=self._dtype)
        if not len(records):
            return Decoded({}, 0, rejected)
        columns = {name: _column(_taken(records, take)) for name, take in self._takes.items()}
        return Decoded(columns, len(records), rejected)

    def _whole(self, messages: Sequence[bytes], rejected: list[Rejected]) -> Iterator[bytes]:
        size, most = self._dtype.itemsize, self._max_bytes
        for message in messages:
            length = len(message)
            if length > most:
                rejected.append(too_long(message, most))
            elif length % size or not length:
                why = f"a message of {length} bytes is no whole number of records of {size} bytes"
                rejected.append(Rejected(message, why))
            else:
                yield message


def _structured(dtype: Any) -> np.dtype[Any]:
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise SettingError(f"{quote(dtype)} is no dtype: {error}") from None
    if found.names is None or found.hasobject or not found.itemsize:
        raise SettingError(f"a record's dtype is structured and of bytes, got {quote(dtype)}")
    return found


def _leaves(dtype: np.dtype[Any], before: _Take) -> Iterator[tuple[str, _Take]]:
    """Yield the path of each value that a column can hold, and the names that lead to it."""
    if dtype.names is not None:
        for name in dtype.names:
            yield from _leaves(dtype[name], (*before, name))
    elif dtype.subdtype is not None:
        base, shape = dtype.subdtype
        for place in range(min(shape[0], _MOST_PLACES)):
            yield from _leaves(np.dtype((base, shape[1:])), (*before, place))
    elif _is_plain(dtype):
        yield ".".join(map(str, before)), before


def _is_plain(dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "M":
        return np.datetime_data(dtype)[0] != "generic"
    return dtype.kind in "biufS" and (dtype.kind != "S" or dtype.itemsize > 0)


def _taken(records: npt.NDArray[Any], take: _Take) -> npt.NDArray[Any]:
    for step in take:
        records = records[step] if isinstance(step, str) else records[:, step]
    return records


def _column(values: npt.NDArray[Any]) -> Values | Text:
    """Return a column of its own, in this machine's byte order."""
    kind = values.dtype.kind
    if kind == "S":
        return _text(values)
    if kind == "b":  # any byte may have come, and numpy expects 0 or 1
        return np.not_equal(np.ascontiguousarray(values).view(np.uint8), 0)
    if kind == "f":
        return values.astype(np.float64)
    return values.astype(values.dtype.newbyteorder("="))


def _text(values: npt.NDArray[Any]) -> Text:
    found, codes = np.unique(values, return_inverse=True)
    names = [each.decode(errors="replace") for each in found.tolist()]
    table: dict[str, int] = {}
    same = np.array([table.setdefault(name, len(table)) for name in names], dtype=np.int32)
    return Text(same[codes], tuple(table))
