"""The settings of an embedded store, checked once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from livewidget.data.errors import SettingError, quote
from livewidget.storage.embedded.secret import Password

Sync = Literal["interval", "strict", "os"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What `EmbeddedStore` takes, in ns where its arguments are in seconds."""

    path: Path
    by: str | None
    sync: Sync
    sync_s: float
    partition_rows: int
    partition_ns: int
    retention_ns: int | None
    max_bytes: int | None
    password: Password | None
    readonly: bool

    def __repr__(self) -> str:
        return f"Settings({str(self.path)!r})"  # nothing of a password


def checked(path: Any, **given: Any) -> Settings:
    """Return the settings. Raises SettingError for one that cannot be."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise SettingError(f"path is the folder of the store, got {quote(path)}")
    if given["sync"] not in get_args(Sync):
        raise SettingError(f"sync is one of {get_args(Sync)}, got {quote(given['sync'])}")
    if not isinstance(given["partition_rows"], int) or given["partition_rows"] < 1:
        raise SettingError(f"partition_rows is 1 or more, got {quote(given['partition_rows'])}")
    if given["max_bytes"] is not None and not given["max_bytes"] > 0:
        raise SettingError(
            f"max_bytes is more than 0, or None for all, got {quote(given['max_bytes'])}"
        )
    partition = _above_zero("partition_s", given["partition_s"])
    retention = None
    if given["retention"] is not None:
        retention = round(_above_zero("retention", given["retention"], ", or None for ever") * 1e9)
    password = given["password"]
    if password is not None and not (isinstance(password, (str, bytes)) or callable(password)):
        raise SettingError("password is a text, bytes, or what returns them")
    return Settings(
        Path(path),
        given["by"],
        given["sync"],
        _above_zero("sync_s", given["sync_s"]),
        given["partition_rows"],
        round(partition * 1e9),
        retention,
        given["max_bytes"],
        password,
        bool(given["readonly"]),
    )


def _above_zero(name: str, value: Any, more: str = "") -> float:
    try:
        if 0 < float(value) < 1e10:  # noqa: PLR2004  (three hundred years: as far as times reach)
            return float(value)
    except (TypeError, ValueError):
        pass
    raise SettingError(f"{name} is a number of seconds above 0{more}, got {quote(value)}")
