"""Files of NDJSON, CSV or MessagePack, and the standard output."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import re
import sys
from pathlib import Path
from typing import BinaryIO

from livewidget.codecs.encode import CsvEncoder, encoder_for
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, SinkError
from livewidget.sinks.base import MessageSink

STDOUT = "-"
ZIPPED = ".gz"
_CHUNK = 1 << 20
_FORMATS = {".csv": "csv", ".msgpack": "msgpack"}


class FileSink(MessageSink):
    """Writes to a new file at `path`, replacing what is there; "-" is the standard output.

    With `append` it goes on behind what is there, less a last line that was torn off; that is for
    formats of lines. `format` of None goes by the suffix: .csv, .msgpack, else NDJSON. Behind it
    .gz is gzip, each batch a member of its own, and nothing to append to. Each batch is flushed to
    the operating system. A table in CSV begins with the names of its columns, once. A sink that is
    opened again goes on behind the last batch that was written as a whole.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        format: object = None,  # noqa: A002  (the word that users look for)
        times: str = "iso",
        append: bool = False,
    ) -> None:
        self._path = str(path)
        self.name = "the standard output" if self._path == STDOUT else Path(path).name
        self._zipped = self._path.lower().endswith(ZIPPED)
        plain = Path(self._path[: -len(ZIPPED)] if self._zipped else self._path)
        by_suffix = _FORMATS.get(plain.suffix.lower(), "json")
        self.encoder = encoder_for(by_suffix if format is None else format, times=times)
        self._end = b"\n" if self.encoder.text else b""
        self._file: BinaryIO | None = None
        if append and (self._zipped or not self.encoder.text):
            raise SettingError("append is for formats of lines, without gzip: 'csv', 'json'")
        self._quotes = isinstance(self.encoder, CsvEncoder)  # line breaks may be within them
        self._append = append
        self._whole: int | None = None  # bytes of the file that are batches written as a whole
        self._begun = False
        self._head: bytes | None = None  # the first line of what is gone on with, to be looked at

    async def open(self) -> None:
        """Create the file, empty it, or go on in it. Raises SinkError."""
        try:
            self._file = self._opened()
        except OSError as error:
            raise self._failure(error) from None

    async def write(self, batch: Batch) -> None:
        """Append and flush. Raises SinkError where the disk is full or the reader has gone."""
        assert self._file is not None, "open it first"
        messages = self.encoder.encode(batch)
        header = self.encoder.header(batch.schema)
        if header and self._begun and self._head not in (None, header + self._end):
            raise SettingError(f"{self.name} has other columns: its first line is not theirs")
        self._head = None
        if header and not self._begun:
            messages.insert(0, header)
        data = b"".join([message + self._end for message in messages])
        if self._zipped:
            data = await asyncio.to_thread(gzip.compress, data)
        try:
            # On the loop: a pipe whose reader is slow holds the writer up, as it should.
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from None
        self._begun = True
        self._whole = (self._whole or 0) + len(data)

    async def close(self) -> None:
        """Close the file; the standard output stays open."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # what could not be written was told by `write`
                file.close()

    def _opened(self) -> BinaryIO:
        if self._path == STDOUT:
            # A buffer of its own: Python would try again at its end what a closed pipe refused.
            return open(sys.stdout.fileno(), "wb", closefd=False)
        path = Path(self._path)
        if (self._whole is None and not self._append) or (path.exists() and not path.is_file()):
            self._whole, self._begun = 0, False
            return path.open("wb")
        file = path.open("a+b")
        try:
            size = file.seek(0, os.SEEK_END)
            whole = _end_of_lines(file, quotes=self._quotes) if self._whole is None else self._whole
            self._whole = file.truncate(min(whole, size))
        except BaseException:
            file.close()
            raise
        self._begun = self._whole > 0
        if self._append:
            file.seek(0)
            self._head = file.readline()
        return file

    def _failure(self, error: OSError) -> SinkError:
        return SinkError(f"{self.name} cannot be written: {error.strerror or error}")


def _end_of_lines(file: BinaryIO, *, quotes: bool) -> int:
    """Return where the last line that has its end is over; line breaks in quotes end none."""
    file.seek(0)
    end = place = within = 0
    while chunk := file.read(_CHUNK):
        if not (quotes and (within or b'"' in chunk)):
            found = chunk.rfind(b"\n")
        else:
            found, parity = -1, within
            for part in re.finditer(rb'[^"\n]*(["\n])', chunk):
                parity ^= part[1] == b'"'
                if part[1] == b"\n" and not parity:
                    found = part.end() - 1
            within = parity
        end = place + found + 1 if found >= 0 else end
        place += len(chunk)
    return end
