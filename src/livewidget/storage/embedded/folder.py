"""The folder of an embedded store: its paths, its description, its lock, and small state."""

from __future__ import annotations

import contextlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livewidget.data.errors import SettingError, StoreError, quote
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.storage.described import from_json, to_json

VERSION = 1
FORMAT = "livewidget embedded store"
ABOUT, LOCK, LOGS, PARTS, LEVELS, STATE = "store.json", "lock", "log", "parts", "levels", "state"
_KEY = re.compile(r"[a-z0-9_-]{1,100}")
fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS and Windows have no cheaper one


@dataclass(frozen=True, slots=True)
class About:
    """What a store says of itself: see `layout.md`.

    `since` is the time (ns UTC) before which rows were let go of, `holes` the ranges of times in
    which rows were never written, `secret` what tells a right password from a wrong one.
    """

    schema: Schema | None = None
    by: str | None = None
    since: int = -EVER
    holes: tuple[tuple[int, int], ...] = ()
    secret: dict[str, str] | None = None

    def pack(self) -> bytes:
        """Return it as JSON with a checksum."""
        body = {
            "schema": None if self.schema is None else to_json(self.schema),
            "by": self.by,
            "since": self.since,
            "holes": self.holes,
            "secret": self.secret,
        }
        text = json.dumps(body)
        told = {"format": FORMAT, "version": VERSION, "crc32": zlib.crc32(text.encode())}
        return json.dumps(told | {"about": text}, indent=1).encode()

    @classmethod
    def unpack(cls, data: bytes, shown: str) -> About:
        """Return that of `pack`. Raises StoreError for another version, or what is none."""
        try:
            told = json.loads(data)
            if told["format"] == FORMAT and told["version"] != VERSION:
                raise _another_version(shown, told["version"])
            whole = zlib.crc32(told["about"].encode()) == told["crc32"]
            body = json.loads(told["about"] if whole else "")
            schema = None if body["schema"] is None else from_json(body["schema"])
            holes = tuple((int(start), int(stop)) for start, stop in body["holes"])
            return cls(schema, body["by"], int(body["since"]), holes, body["secret"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StoreError(f"{shown} is damaged, or is no store's description") from None


def _another_version(shown: str, version: object) -> StoreError:
    return StoreError(f"{shown} is of version {quote(version)}, this program knows {VERSION}")


class Folder:
    """The paths of one store. Not for several threads at once, but for reading."""

    def __init__(self, path: Path, *, sync: bool) -> None:
        self.path = path
        self.sync = sync  # whether small files are made durable before they are in place
        self._lock: int | None = None

    def file(self, *parts: str) -> Path:
        """Return a path inside."""
        return self.path.joinpath(*parts)

    def check(self, *, readonly: bool) -> None:
        """Raise StoreError for what is no store's folder; make a new one where there is nothing."""
        if self.path.exists() and not self.path.is_dir():
            raise StoreError(f"{self.path} is a file, expected the folder of a store")
        if self.file(ABOUT).is_file():
            return
        there = {each.name for each in self.path.iterdir()} if self.path.exists() else set()
        if there - {LOCK, f"{ABOUT}.tmp"}:
            raise StoreError(f"{self.path} is not empty, and holds no store")
        if readonly:
            raise StoreError(f"{self.path} holds no store, and is to be read only")
        self.path.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # of one that may be passed through alone
            sync_folder(self.path.parent)

    def make(self) -> None:
        """Make the folders that a writer needs, and clear away what a crash left half done."""
        for name in (LOGS, PARTS, LEVELS, STATE):
            self.file(name).mkdir(exist_ok=True)
            for each in self.file(name).glob("*.tmp"):
                each.unlink()

    def lock(self) -> None:
        """Be the one writer. Raises StoreError where another is."""
        handle = os.open(self.file(LOCK), os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
        try:
            _lock(handle)
        except OSError:
            os.close(handle)
            raise StoreError(f"{self.path} is being written to by another store") from None
        self._lock = handle

    def unlock(self) -> None:
        """Let others write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def about(self) -> About | None:
        """Return the description, None where there is none yet."""
        try:
            data = self.file(ABOUT).read_bytes()
        except FileNotFoundError:
            return None
        return About.unpack(data, str(self.file(ABOUT)))

    def replace(self, path: Path, data: bytes | memoryview, *, sync: bool | None = None) -> None:
        """Write a file so that it is there as a whole or as it was before."""
        sync = self.sync if sync is None else sync
        half = path.with_name(f"{path.name}.tmp")
        try:
            with half.open("wb") as file:
                file.write(data)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            half.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)
            raise
        if sync:
            sync_folder(path.parent)

    def names(self, folder: str) -> list[tuple[str, int]]:
        """Return the names in a folder and their bytes."""
        found = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self.file(folder)) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # gone while we looked
                    found.append((entry.name, entry.stat().st_size))
        return sorted(found)


def sync_folder(path: Path) -> None:
    """Make what was created, renamed or removed in a folder durable."""
    if os.name == "nt":
        return  # a folder cannot be opened there, and needs not
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def told(shown: str) -> Iterator[None]:
    """Raise what the system says as a StoreError that names the store."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{shown}: {error}") from error


def check_key(key: Any) -> str:
    """Return a key of small state. Raises SettingError for one that cannot be a file's name."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise SettingError(f"key is up to 100 of a-z, 0-9, _ and -, got {quote(key)}")
    return key


_BINARY = getattr(os, "O_BINARY", 0)


def _lock(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
