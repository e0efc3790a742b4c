"""A file that grows, is cut off, renamed or replaced, read piece by piece. Blocking."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections import deque
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from livewidget.codecs.base import Rejected
from livewidget.data.errors import SourceError
from livewidget.sources.lines import LineSplitter

PIECE = 256 << 10  # bytes at once: some 2 ms of decoding, in which the loop waits for the GIL
_MARK = 256  # bytes before the place that was read up to, by which it is known again
_READ_BEFORE = 64  # files remembered as read
_BOM = b"\xef\xbb\xbf"
# What logrotate and the handlers of logging append: ".1", ".2026-03-29", "-20260329".
_ROTATED = re.compile(r"[.-]\d[\d._-]*")

_Identity = tuple[int, int]  # device and inode


@dataclass(slots=True)
class Reading:
    """What one look at the file gave. Nothing of it set: nothing new."""

    lines: list[bytes] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    gap: str = ""  # why something may be missing before the next line
    waiting: str = ""  # why there is no file to read
    moved: bool = False  # it read on, whether or not a line came out: look again at once
    ended: bool = False  # there is nothing more, ever


class Tail:
    """Reads a file's whole lines from `start`: "beginning", "end" or the offset of a line.

    The end of a file that was renamed is read before the one that took its name, and those that
    came and went in between are found by their names. A file that was cut off, or written anew in
    place, is read from its beginning, with a gap before it. With `header` the first line of each
    file is no line but `header`. Without `follow` the end of the file is the end.

    `read` and `close` are called from one thread at a time.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: str | int,
        follow: bool,
        header: bool,
        max_bytes: int,
    ) -> None:
        self._path = path
        self._start: str | int = start
        self._follow = follow
        self._has_header = header
        self._max_bytes = max_bytes
        self.header: bytes | None = None
        self._lines = LineSplitter(max_bytes)
        self._file: FileIO | None = None
        self._here: _Identity | None = None  # of the file that is read
        self._at = 0  # bytes read so far
        self._mark = b""  # the last of them
        self._last_look = False  # its writer has gone on to another file
        # The files that were read before: which, how far, and the bytes before that.
        self._before: deque[tuple[_Identity, int, bytes]] = deque(maxlen=_READ_BEFORE)
        self._written = -1  # when the file before was last written to, ns

    @property
    def position(self) -> int:
        """The offset, in the file that is read now, behind the last whole line."""
        return self._at - self._lines.held

    def read(self) -> Reading:
        """Look once. Raises SourceError for what is no file, OSError for what may pass."""
        try:
            if self._file is None:
                refused = self._open()
                if refused is not None:
                    return refused
            piece = self._piece()
        except OSError:
            self.close()
            raise
        if piece is None:
            return self._anew("the file was truncated")
        if piece:
            lines, rejected = self._lines.feed(piece)
            return Reading(self._without_header(lines), rejected, moved=True)
        return self._at_end()

    def close(self) -> None:
        """Close the file; the next `read` opens it at the same place."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> Reading | None:
        """Open the next file; return why there is none."""
        try:
            file = _opened(self._path)
        except FileNotFoundError:
            if not self._follow:
                raise
            # What appears later is new from its first line on.
            self._start = "beginning" if self._start == "end" else self._start
            return Reading(waiting="it does not exist yet" if self._written < 0 else "it is gone")
        self._file = file
        missed = self._missed(_identity(os.fstat(file.fileno())), self._written)
        if missed:
            self._file = None
            file.close()
            _, identity, path = missed[0]
            try:
                self._file = _opened(path)
            except FileNotFoundError:  # renamed once more
                return Reading(moved=True)
            except PermissionError:
                self._before.append((identity, -1, b""))
                return Reading(gap=f"{path.name} may not be read", moved=True)
            if _identity(os.fstat(self._file.fileno())) != identity:
                self.close()
                return Reading(moved=True)
        return self._place()

    def _place(self) -> Reading | None:
        """Go to where reading begins; return a gap where that is no more."""
        assert self._file is not None
        about, start = os.fstat(self._file.fileno()), self._start
        size, before, self._here = about.st_size, self._here, _identity(about)
        if start == "reopened":
            return None if before == self._here else self._anew("the file was replaced")
        self._start = "reopened"
        self.header, short = None, isinstance(start, int) and start > size
        self._at = 0 if short or start == "beginning" else size if start == "end" else int(start)
        if self._has_header and self._at:
            self.header = self._first_line()
            self._at = self._at if self.header is not None else 0
        if start == "end":
            self._at = self._line_begin(self._at)
        self._file.seek(max(0, self._at - _MARK))
        self._mark = _all(self._file, min(_MARK, self._at))
        gap = "the file is shorter than where to start"
        return Reading(gap=gap, moved=True) if short else None

    def _first_line(self) -> bytes | None:
        assert self._file is not None
        self._file.seek(0)
        line, end, _ = _all(self._file, self._max_bytes + 2).partition(b"\n")
        return line.removeprefix(_BOM).removesuffix(b"\r") if end else None

    def _line_begin(self, at: int) -> int:
        """Return where the line that reaches to `at` begins, if it is not too long."""
        assert self._file is not None
        begin = max(0, at - self._max_bytes)
        self._file.seek(begin)
        last = _all(self._file, at - begin)
        place = last.rfind(b"\n")
        return begin + place + 1 if place >= 0 else begin

    def _piece(self) -> bytes | None:
        """Return the next bytes, b"" at the end; None where those before are no more the same."""
        assert self._file is not None
        # One read for both: between two the file could be cut off and written anew.
        self._file.seek(self._at - len(self._mark))
        both = self._file.read(len(self._mark) + PIECE) or b""
        if not both.startswith(self._mark):
            return None
        piece = both[len(self._mark) :]
        self._mark = both[-_MARK:]
        first = not self._at
        self._at += len(piece)
        return piece.removeprefix(_BOM) if first else piece

    def _anew(self, why: str) -> Reading:
        """Begin a file again that is not the one that was read so far."""
        self._begin()
        return Reading(gap=why, moved=True)

    def _begin(self) -> None:
        self._lines.clear()
        self._at, self._mark, self.header = 0, b"", None
        self._last_look = False

    def _without_header(self, lines: list[bytes]) -> list[bytes]:
        if self._has_header and self.header is None and lines:
            self.header = lines.pop(0)
        return lines

    def _at_end(self) -> Reading:
        if not self._follow:
            return self._finish(ended=True)
        assert self._file is not None
        about = os.fstat(self._file.fileno())
        here = _identity(about)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return Reading(waiting="it is gone")
        if _identity(there) == here:
            return Reading()
        # A renamed file may be written to until its writer opens the next, which then has something
        # in it (or has been renamed as well). After that, one more look sees all.
        if not self._last_look:
            went_on = there.st_size > 0 or self._missed(here, about.st_mtime_ns)
            self._last_look = bool(went_on)
            return Reading(moved=self._last_look)
        return self._finish()

    def _finish(self, *, ended: bool = False) -> Reading:
        """Leave a file that is complete; its last line may lack an end."""
        assert self._file is not None
        held = self._lines.held
        lines, rejected = self._lines.finish() if held else ([], [])
        reading = Reading(self._without_header(lines), rejected, moved=True, ended=ended)
        if not ended:
            about = os.fstat(self._file.fileno())
            self._written = about.st_mtime_ns
            self._before.append((_identity(about), self._at, self._mark))
            self.close()
            self._begin()
            self._start = "beginning"
        return reading

    def _missed(self, here: _Identity, since: int) -> list[tuple[int, _Identity, Path]]:
        """Return the renamed files written to after `since` (ns) and not read, the oldest first."""
        if since < 0:
            return []
        found = []
        for entry in os.scandir(self._path.parent):
            name, own = entry.name, self._path.name
            if not name.startswith(own) or not _ROTATED.fullmatch(name, len(own)):
                continue
            with contextlib.suppress(FileNotFoundError, PermissionError):
                about = Path(entry.path).stat()
                newer = about.st_mtime_ns > since and stat.S_ISREG(about.st_mode)
                path, identity = Path(entry.path), _identity(about)
                if newer and identity != here and not self._is_read(path, identity):
                    found.append((about.st_mtime_ns, identity, path))
        return sorted(found)

    def _is_read(self, path: Path, identity: _Identity) -> bool:
        """Tell whether it was read before, though it may have been written to since."""
        for known, at, mark in self._before:
            if known == identity and at:  # or a new file that has the inode of a deleted one
                with FileIO(path) as file:
                    file.seek(at - len(mark))
                    if _all(file, len(mark)) == mark:
                        return True
        return False


def _opened(path: Path) -> FileIO:
    # Before it is opened: opening a pipe would wait for its other end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise SourceError(f"{path.name} is no regular file")
    return FileIO(path)


def _all(file: FileIO, size: int) -> bytes:
    return file.read(size) or b""


def _identity(about: os.stat_result) -> _Identity:
    return about.st_dev, about.st_ino
