"""Lines of text as they are: a log, before anything is made of it."""

from __future__ import annotations

from collections.abc import Sequence

from livewidget.codecs.base import Columns, Decoded, Rejected
from livewidget.data.text import Text

LINE = "line"


class TextDecoder:
    """Gives each message as one row of the text column `line`.

    One that is not UTF-8 is rejected, and so is one of more than `max_bytes`. Stateless between
    calls; one thread at a time.
    """

    def __init__(self, *, max_bytes: int = 1 << 20) -> None:
        self._max_bytes = max_bytes

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return one row a message. Never raises for what is in one."""
        lines: list[str] = []
        rejected: list[Rejected] = []
        for message in messages:
            if len(message) > self._max_bytes:
                reason = f"a message of more than {self._max_bytes} bytes"
                rejected.append(Rejected(message[: self._max_bytes], reason))
                continue
            try:
                lines.append(message.decode())
            except UnicodeDecodeError as error:
                # Without the byte's place: reasons are counted, and equal ones belong together.
                rejected.append(Rejected(message, f"not UTF-8: {error.reason}"))
        columns: Columns = {LINE: Text.encode(lines)} if lines else {}
        return Decoded(columns, len(lines), rejected)
