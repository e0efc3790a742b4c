"""Tables to replay, from files: CSV, Parquet and NDJSON, whole into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from livewidget.codecs.json import JsonDecoder
from livewidget.data.errors import MissingExtraError, SourceError

SUFFIXES = (".csv", ".parquet", ".ndjson", ".jsonl")


def read_table(path: Path) -> Any:
    """Return the table of a file, as `Batch.of` takes it.

    Raises SourceError where it cannot be read or has no rows, MissingExtraError for Parquet
    without pyarrow.
    """
    try:
        table = _READERS[path.suffix.lower()](path)
    except (OSError, ValueError) as error:  # pandas, pyarrow and codecs raise kinds of these
        why = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise SourceError(f"{path.name} cannot be read: {why}") from None
    if not len(table):
        raise SourceError(f"{path.name} has no rows")
    return table


def _csv(path: Path) -> Any:
    import pandas as pd

    return pd.read_csv(path)


def _parquet(path: Path) -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "arrow") from None
    return parquet.read_table(path)


def _ndjson(path: Path) -> Any:
    decoded = JsonDecoder().decode(path.read_bytes().splitlines())
    if decoded.rejected:
        raise ValueError(decoded.rejected[0].reason)
    return decoded.columns


_READERS = {".csv": _csv, ".parquet": _parquet, ".ndjson": _ndjson, ".jsonl": _ndjson}
