"""Dead letters for people: as a table, as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from livewidget.codecs.base import Decoder
from livewidget.data.batch import Data
from livewidget.data.events import DeadLetter

if TYPE_CHECKING:
    import pandas as pd


def to_dataframe(letters: Sequence[DeadLetter]) -> pd.DataFrame:
    """Return letters with the columns at (UTC), operator, reason and payload."""
    import pandas as pd

    return pd.DataFrame(
        {
            "at": pd.to_datetime([letter.at for letter in letters], utc=True),
            "operator": [letter.operator for letter in letters],
            "reason": [letter.reason for letter in letters],
            "payload": [letter.payload for letter in letters],
        }
    )


def write(letters: Sequence[DeadLetter], path: str | Path) -> int:
    """Write letters to a file, one JSON object a line; return how many.

    `at` is in ns UTC. A payload that JSON does not know is the text that Python shows of it; bytes
    are text, with what is no UTF-8 escaped.
    """
    lines = [
        {
            "at": letter.at,
            "operator": letter.operator,
            "reason": letter.reason,
            "payload": _text(letter.payload) if _is_bytes(letter.payload) else letter.payload,
        }
        for letter in letters
    ]
    encoder = msgspec.json.Encoder(enc_hook=_shown)
    Path(path).write_bytes(encoder.encode_lines(lines))
    return len(lines)


def replay(
    letters: Sequence[DeadLetter],
    decoder: Decoder | None,
    emit: Callable[[Data], int],
    reject: Callable[[object, str], None],
) -> int:
    """Hand each payload to `emit` once more, or what `decoder` makes of bytes; return the rows.

    What can be neither is rejected.
    """
    rows = 0
    for letter in letters:
        payload = letter.payload
        if isinstance(payload, Mapping):
            rows += emit([payload])
        elif isinstance(payload, (bytes, bytearray)) and decoder is not None:
            decoded = decoder.decode([bytes(payload)])
            for rejected in decoded.rejected:
                reject(rejected.payload, rejected.reason)
            rows += emit(decoded.columns) if decoded.rows else 0
        else:
            reject(payload, letter.reason)
    return rows


def _is_bytes(payload: object) -> bool:
    return isinstance(payload, (bytes, bytearray, memoryview))


def _text(payload: object) -> str:
    return bytes(payload).decode("utf-8", "backslashreplace")  # type: ignore[call-overload, no-any-return]  # checked by its caller


def _shown(value: object) -> object:
    item = getattr(value, "item", None)  # a number of numpy's
    return item() if callable(item) else repr(value)
