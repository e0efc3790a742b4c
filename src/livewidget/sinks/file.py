"""Files of NDJSON, CSV or MessagePack, and the standard output."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import BinaryIO

from livewidget.codecs.encode import encoder_for
from livewidget.data.batch import Batch
from livewidget.data.errors import SinkError
from livewidget.sinks.base import MessageSink

STDOUT = "-"
_FORMATS = {".csv": "csv", ".msgpack": "msgpack"}


class FileSink(MessageSink):
    """Writes to a new file at `path`, replacing what is there; "-" is the standard output.

    `format` of None goes by the suffix: .csv, .msgpack, else NDJSON. Each batch is flushed to the
    operating system. A table in CSV begins with the names of its columns.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        format: object = None,  # noqa: A002  (the word that users look for)
        times: str = "iso",
    ) -> None:
        self._path = str(path)
        self.name = "the standard output" if self._path == STDOUT else Path(path).name
        by_suffix = _FORMATS.get(Path(path).suffix.lower(), "json")
        self.encoder = encoder_for(by_suffix if format is None else format, times=times)
        self._end = b"\n" if self.encoder.text else b""
        self._file: BinaryIO | None = None
        self._begun = False

    async def open(self) -> None:
        """Create the file, or empty it. Raises SinkError."""
        try:
            self._file = self._opened()
        except OSError as error:
            raise self._failure(error) from None
        self._begun = False

    async def write(self, batch: Batch) -> None:
        """Append and flush. Raises SinkError where the disk is full or the reader has gone."""
        assert self._file is not None, "open it first"
        messages = self.encoder.encode(batch)
        if not self._begun and (header := self.encoder.header(batch.schema)):
            messages.insert(0, header)
        self._begun = True
        try:
            # On the loop: a pipe whose reader is slow holds the writer up, as it should.
            self._file.write(b"".join([message + self._end for message in messages]))
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from None

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
        return Path(self._path).open("wb")

    def _failure(self, error: OSError) -> SinkError:
        return SinkError(f"{self.name} cannot be written: {error.strerror or error}")
