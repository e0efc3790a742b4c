"""What a chart does with its data: takes it, gives it back, exports and records it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livewidget.data.batch import Data
from livewidget.data.errors import SettingError
from livewidget.engine.streamer import DataStreamer
from livewidget.widgets.progress import with_bar

if TYPE_CHECKING:
    import pandas as pd

    from livewidget.engine.recording import Recorder


class Keeper:
    """The data side of a `LiveChart`. Every method may be called from any thread."""

    streamer: DataStreamer

    def push(self, data: Data = None, **columns: Any) -> int:
        """Add rows from any thread: all, or none and an error that says why. Returns the rows.

        Takes records, a mapping of columns, a DataFrame, Arrow or a `Batch`; or one event by
        keyword: `chart.push(price=3.5)`.
        """
        if data is not None and columns:
            raise SettingError("push takes a table or columns by keyword, not both")
        return self.streamer.push(columns if data is None else data)

    def to_dataframe(
        self,
        start: object = None,
        stop: object = None,
        tz: str | None = "UTC",
        *,
        gaps: bool = False,
    ) -> pd.DataFrame:
        """Return all that the buffer holds of a range, at full resolution, by rising time.

        `start` and `stop` are anything `pandas.Timestamp` takes (naive is UTC). With `gaps` the
        first row behind each gap tells of it, in a column of that name. With a store that is all
        it holds: name a range where that is much. More than a second's work shows a bar.
        """
        return with_bar(
            "DataFrame",
            lambda progress, cancel: self.streamer.to_dataframe(
                start, stop, tz, gaps=gaps, progress=progress, cancel=cancel
            ),
        )

    def export(
        self,
        path: str | os.PathLike[str],
        start: object = None,
        stop: object = None,
        **options: Any,
    ) -> int:
        """Write a range of all that is kept to a file: CSV, Parquet, Arrow or JSON lines.

        By the suffix, or `format`; a column `gap` tells of gaps. Takes the memory of a chunk,
        whatever the range; more than a second's work shows a bar with a button that cancels it.
        `options` are those of `livewidget.engine.export.export`. Returns the rows. Raises
        ExportCancelledError, SettingError for what cannot be, OSError where the disk fails.
        """
        return with_bar(
            Path(path).name,
            lambda progress, cancel: self.streamer.export(
                path, start, stop, **{"progress": progress, "cancel": cancel} | options
            ),
        )

    def record(self, path: str | os.PathLike[str], **options: Any) -> Recorder:
        """Write what the buffer holds in memory, and all that comes, to a folder.

        Until `stop` of what is returned. `livewidget.Recording(path)` reads it, and its `replay` is
        a source for a chart. `options` are `overwrite` and `append`.
        """
        return self.streamer.record(path, **options)

    def to_csv(self, path: str | Path, start: object = None, stop: object = None) -> None:
        """Write what the buffer holds of a range to a CSV file; a column `gap` tells of gaps."""
        self.export(path, start, stop, format="csv")

    def to_parquet(self, path: str | Path, start: object = None, stop: object = None) -> None:
        """Write what the buffer holds of a range to a Parquet file. Needs the extra `arrow`."""
        self.export(path, start, stop, format="parquet")
