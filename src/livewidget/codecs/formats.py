"""From what a user calls a format to the decoder of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from livewidget.codecs.arrow import ArrowDecoder
from livewidget.codecs.base import Decoder
from livewidget.codecs.binary import BinaryDecoder
from livewidget.codecs.csv import CsvDecoder
from livewidget.codecs.function import FunctionDecoder
from livewidget.codecs.json import JsonDecoder
from livewidget.codecs.msgpack import MsgpackDecoder
from livewidget.codecs.paths import Fields
from livewidget.codecs.protobuf import ProtobufDecoder
from livewidget.data.errors import SettingError, quote

MOST_MESSAGE = 1 << 20  # bytes of one message

_NAMED: dict[str, Callable[..., Decoder]] = {
    "json": JsonDecoder,
    "ndjson": JsonDecoder,
    "csv": CsvDecoder,
    "msgpack": MsgpackDecoder,
    "arrow": ArrowDecoder,
}


def decoder_for(
    form: object = "json",
    *,
    fields: Fields | None = None,
    needs: Sequence[str] = (),
    max_bytes: int = MOST_MESSAGE,
) -> Decoder:
    """Return the decoder that `form` stands for.

    It is "json" or "ndjson", "csv" (the first line of each message is its header), "msgpack",
    "arrow" (an IPC stream or file a message), a structured numpy dtype or what makes one, a
    protobuf message class, a function of one message's bytes (see `FunctionDecoder`), or a
    `Decoder`, which has settings of its own.

    `fields` are those to keep (None: all that are not nested): names or paths such as
    `data.price`, or a mapping from columns to them. A message without any of the columns in
    `needs` is rejected, and so is one of more than `max_bytes`. Raises SettingError for what is no
    format, MissingExtraError for one whose package is not installed.
    """
    settings: dict[str, Any] = {"fields": fields, "needs": needs, "max_bytes": max_bytes}
    if isinstance(form, str) and form in _NAMED:
        return _NAMED[form](**settings)
    if isinstance(form, type) and hasattr(form, "DESCRIPTOR") and hasattr(form, "FromString"):
        return ProtobufDecoder(form, **settings)
    if isinstance(form, (np.dtype, list, dict)):
        return BinaryDecoder(form, **settings)
    if hasattr(form, "decode") and not isinstance(form, (str, bytes, bytearray, type)):
        return form
    if callable(form) and not hasattr(form, "decode"):
        return FunctionDecoder(form, **settings)
    raise SettingError(
        f"format is one of {', '.join(map(repr, _NAMED))}, a structured numpy dtype, a protobuf "
        f"message class, a function of a message's bytes, or a Decoder; got {quote(form)}"
    )
