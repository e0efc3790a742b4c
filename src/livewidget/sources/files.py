"""Files and logs that grow: NDJSON, CSV and plain lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import url2pathname

from livewidget.codecs.base import Decoded, Decoder
from livewidget.codecs.csv import CsvDecoder
from livewidget.codecs.formats import decoder_for
from livewidget.codecs.text import TextDecoder
from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.data.events import State
from livewidget.sources.allow_list import check_allowed
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock
from livewidget.sources.messages import hand_over
from livewidget.sources.pull import check_interval
from livewidget.sources.settings import check_count
from livewidget.sources.tail import PIECE, Reading, Tail
from livewidget.sources.worker import Worker

FORMATS = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".log": "text",
    ".txt": "text",
}
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class FileSource(Source):
    """Reads the lines of a file, and those that are appended to it, in a thread of its own.

    `path` is a path or a `file://` URL, whose query may set `format`, `follow`, `start`,
    `poll_s`, `max_bytes` and `delimiter`. `format` is "ndjson", "csv" (under the header that the
    file begins with; no line break within a field), "text" (one text column, `line`) or a decoder
    that gets each line as a message; None: as the name ends, else "ndjson". `fields` and `needs`
    are as of the decoders. `start` is "end", "beginning", or the offset in bytes at which a line
    begins, as `position` is; None: the end where it follows, else the beginning.

    With `follow` it looks for more every `poll_s` seconds. A file that is not there yet, or may
    not be read, is waited for; a renamed one is read to its end before the one that takes its
    name, and so are those that were renamed in between; one that was truncated is read from its
    beginning behind a gap. Only what was written and truncated away before the first look at a
    file cannot be known. Without `follow` it ends at the end of the file, and a file that cannot
    be read fails it.

    A line over `max_bytes` is rejected, and so is what the decoder cannot read. A line is taken
    when its end is there, or no more of it can come.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        format: object = None,  # noqa: A002  (the word that users look for)
        fields: Sequence[str] | None = None,
        needs: Sequence[str] = (),
        follow: bool = True,
        start: str | int | None = None,
        poll_s: float = 0.2,
        max_bytes: int = 1 << 20,
        delimiter: str = ",",
        clock: LoopClock | None = None,
    ) -> None:
        if isinstance(path, str) and path.lower().startswith("file:"):
            path, told = _from_url(path)
            format = told.get("format", format)  # noqa: A001  (as above)
            follow = told.get("follow", follow)
            start = told.get("start", start)
            poll_s = told.get("poll_s", poll_s)
            max_bytes = told.get("max_bytes", max_bytes)
            delimiter = told.get("delimiter", delimiter)
        check_allowed("file")
        self._path = Path(path)
        self.name = str(path)
        self._follow = follow
        self._start = _checked_start(("end" if follow else "beginning") if start is None else start)
        self._poll_s = check_interval(poll_s, "poll_s")
        self._max_bytes = check_count(max_bytes, "max_bytes")
        form = FORMATS.get(self._path.suffix.lower(), "ndjson") if format is None else format
        self._form = form
        self._decoder = _decoder(form, fields, needs, max_bytes, delimiter)
        self._clock = clock or SystemLoopClock()
        self._said: str | None = None
        self.position: int | None = None

    async def run(self, outlet: Outlet) -> None:
        """Deliver lines; a second run goes on behind `position`.

        `position` is the offset behind the last line that was handed on, in the file that is read;
        None before a file was opened.
        """
        tail = Tail(
            self._path,
            start=self._start if self.position is None else self.position,
            follow=self._follow,
            header=self._form == "csv",
            max_bytes=self._max_bytes,
        )
        self._said = None
        try:
            async with Worker("file") as worker:
                await self._read(tail, worker, outlet)
        finally:
            tail.close()

    async def _read(self, tail: Tail, worker: Worker, outlet: Outlet) -> None:
        while True:
            reading, decoded = await worker.call(lambda: self._look(tail))
            self._say(reading.waiting, outlet)
            if reading.gap:
                outlet.gap(None, None, reading.gap)
            for rejected in reading.rejected:
                outlet.reject(rejected.payload, rejected.reason)
            if decoded is not None:
                hand_over(decoded, outlet)
            if not reading.waiting:
                self.position = tail.position
            if reading.ended:
                return
            await outlet.ready()
            if not reading.moved:
                await self._clock.sleep(self._poll_s)

    def _look(self, tail: Tail) -> tuple[Reading, Decoded | None]:
        """Read and decode the next piece, in the thread."""
        try:
            reading = tail.read()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            if not self._follow:
                raise SourceError(f"{self._path.name}: {reason}") from None
            return Reading(waiting=reason), None
        messages = reading.lines
        if self._form != "text":
            messages = [line for line in messages if not line.isspace() and line]
        if not messages:
            return reading, None
        if self._form == "csv":
            return reading, self._under_header(tail.header or b"", messages)
        return reading, self._decoder.decode(messages)

    def _under_header(self, header: bytes, lines: list[bytes]) -> Decoded:
        """Decode lines of CSV together, or each by itself where one of them is bad."""
        decoded = self._decoder.decode([b"\n".join([header, *lines])])
        if decoded.rejected:
            decoded = self._decoder.decode([header + b"\n" + line for line in lines])
        return decoded

    def _say(self, waiting: str, outlet: Outlet) -> None:
        if waiting == self._said:
            return
        self._said = waiting
        if waiting:
            outlet.state(State.WAITING, f"{self._path.name}: {waiting}")
        else:
            outlet.state(State.LIVE, self._path.name)


def _decoder(
    form: object, fields: Sequence[str] | None, needs: Sequence[str], max_bytes: int, delimiter: str
) -> Decoder:
    if form == "csv":
        most = PIECE + 3 * max_bytes  # one message: the header, a line that was held, a piece
        return CsvDecoder(None, fields=fields, needs=needs, delimiter=delimiter, max_bytes=most)
    if form == "text":
        return TextDecoder(max_bytes=max_bytes)
    if isinstance(form, str) and form not in ("json", "ndjson"):
        raise SettingError(f"format is 'ndjson', 'csv', 'text' or a Decoder, got {quote(form)}")
    return decoder_for(form, fields=fields, needs=needs, max_bytes=max_bytes)


def _checked_start(start: str | int) -> str | int:
    is_offset = isinstance(start, int) and not isinstance(start, bool) and start >= 0
    if is_offset or start in ("end", "beginning"):
        return start
    raise SettingError(
        f"start is 'end', 'beginning' or an offset in bytes from 0 up, got {quote(start)}"
    )


def _from_url(url: str) -> tuple[str, dict[str, Any]]:
    """Return the path and the options of a `file://` URL."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise SettingError(f"a file:// URL names no host but localhost, got {quote(parts.netloc)}")
    if not parts.path:
        raise SettingError("the file:// URL names no file: file:///folder/name.ndjson")
    options = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise SettingError(f"a file:// URL has no option {quote(name)}; there are {known}")
        try:
            options[name] = _OPTIONS[name](text)
        except (ValueError, KeyError):
            raise SettingError(f"{name} cannot be {quote(text)}") from None
    return url2pathname(parts.path), options


def _truth(text: str) -> bool:
    return _TRUTHS[text.lower()]


def _start(text: str) -> str | int:
    return int(text) if text.isdigit() else text


_OPTIONS: dict[str, Any] = {
    "format": str,
    "follow": _truth,
    "start": _start,
    "poll_s": float,
    "max_bytes": int,
    "delimiter": str,
}
