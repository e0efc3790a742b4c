"""What several sinks ask of their settings."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Sequence

from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Schema

Key = str | Sequence[str] | None
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def run_name(run: object) -> str:
    """Return the run's name; None makes one that nobody has had. Raises SettingError.

    With it a row's number is one in the whole target. Rows are counted from 0 in every process, but
    in the store of a durable buffer: only what is sent from there may have one name in the next
    process too.
    """
    if run is None:
        return secrets.token_hex(8)
    if not isinstance(run, str) or not _NAME.fullmatch(run):
        raise SettingError(
            f"run is a name of up to 64 letters, digits, '.', '_', ':' and '-', got {quote(run)}"
        )
    return run


def key_columns(key: object) -> tuple[str, ...]:
    """Return the names of the columns of a key, one or several. Raises SettingError."""
    if key is None:
        return ()
    names = (key,) if isinstance(key, str) else tuple(key) if isinstance(key, Sequence) else ()
    if not (names and all(isinstance(it, str) and it for it in names)):
        raise SettingError(f"key is a column or several, got {quote(key)}")
    return names


def check_key(key: Sequence[str], schema: Schema) -> None:
    """Check that the rows have the columns of a key. Raises SettingError."""
    for name in key:
        if name not in schema.names:
            names = ", ".join(schema.names)
            raise SettingError(f"key names {quote(name)}, which is no column: they are {names}")


def check_seconds(name: str, value: object) -> None:
    """Check a span of time. Raises SettingError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise SettingError(f"{name} is a number of seconds above 0, got {quote(value)}")


def check_whole(name: str, value: object, least: int, *, optional: bool = False) -> None:
    """Check a whole number, or None where it is optional. Raises SettingError."""
    if optional and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        also = ", or None" if optional else ""
        raise SettingError(f"{name} is a whole number from {least} up{also}, got {quote(value)}")


def check_one_of(name: str, value: object, known: Sequence[object]) -> None:
    """Check a word. Raises SettingError, naming those that there are."""
    if value not in known:
        shown = ", ".join(map(repr, known[:-1])) + f" or {known[-1]!r}"
        raise SettingError(f"{name} is {shown}, got {quote(value)}")


def check_text(name: str, value: object, what: str) -> None:
    """Check that there is text in it. Raises SettingError."""
    if not isinstance(value, str) or not value:
        raise SettingError(f"{name} is {what}, got {quote(value)}")
