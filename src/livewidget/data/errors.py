"""Every error that livewidget raises on purpose."""

from __future__ import annotations

from collections.abc import Sequence


class LivewidgetError(Exception):
    """The base of all of them."""


class SchemaError(LivewidgetError, ValueError):
    """Data that does not fit: names the column, the value and what was expected."""


class SettingError(LivewidgetError, ValueError):
    """A setting that cannot be: names it, the value and what was expected."""


class MetricError(LivewidgetError, ValueError):
    """A metric that cannot be: a name that is another one's, labels that are not its own."""


class SourceError(LivewidgetError):
    """A source that cannot be opened, or that failed for good."""


class SinkError(LivewidgetError):
    """A sink that cannot be opened, or that failed for good."""


class RejectedError(SinkError):
    """Rows that a sink refused for good: to send them again is of no use.

    `rows` are their places in the batch, None for all of them; the others were written.
    """

    def __init__(self, reason: str, rows: Sequence[int] | None = None) -> None:
        super().__init__(reason)
        self.rows = rows


class StoreError(LivewidgetError):
    """A store that cannot be opened, read or written to now."""


class UnfitStoreError(StoreError):
    """A store of another version, or with levels by another column: to try again is of no use."""


class StateError(LivewidgetError):
    """A state that was kept and cannot be gone on from: damaged, or of other settings."""


class ExportCancelledError(LivewidgetError):
    """An export was cancelled: nothing was written, and a file that was there is as it was."""


class RefusedError(SourceError):
    """A server that does not take the credentials: HTTP 401."""


class LeaseOvertakenError(LivewidgetError):
    """The writer has overwritten rows that a lease still looked at: read again."""


class ClosedError(LivewidgetError):
    """The part was closed; it takes no more data and no more commands."""


class MissingExtraError(LivewidgetError, ImportError):
    """A package of an extra is not installed: names the package and the extra."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed. It comes with the extra {extra!r}: "
            f"pip install 'livewidget[{extra}]'"
        )


def quote(value: object, limit: int = 80) -> str:
    """Return a short repr of `value` for a message, at most `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
