"""From what a user calls a format to the decoder of it."""

from __future__ import annotations

from collections.abc import Sequence

from livewidget.codecs.base import Decoder
from livewidget.codecs.json import JsonDecoder
from livewidget.data.errors import SettingError, quote

MOST_MESSAGE = 1 << 20  # bytes of one message


def decoder_for(
    form: object = "json",
    *,
    fields: Sequence[str] | None = None,
    needs: Sequence[str] = (),
    max_bytes: int = MOST_MESSAGE,
) -> Decoder:
    """Return the decoder that `form` stands for: the name of a format, or a `Decoder`.

    `fields` are those to keep (None: all), a message without any of `needs` is rejected, and so is
    one of more than `max_bytes`. Raises SettingError for what is no format.
    """
    if form in ("json", "ndjson"):
        return JsonDecoder(fields, needs=needs, max_bytes=max_bytes)
    if hasattr(form, "decode") and not isinstance(form, (str, bytes)):
        return form
    raise SettingError(f"format is 'json', 'ndjson' or a Decoder, got {quote(form)}")
