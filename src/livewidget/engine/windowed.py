"""The words between a stream and its metrics: `group_by(...).window(...).agg(...)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.fields import names_of
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.windows.operator import Window
from livewidget.pipeline.windows.results import GROUP

if TYPE_CHECKING:
    from livewidget.engine.stream import Stream


class Grouped:
    """A stream, and the columns whose keys are worked on each by itself. Immutable.

    `options` bound the keys: `max_keys`, and `overflow` for what comes past them; see `Window`.
    """

    def __init__(self, stream: Stream, by: tuple[str, ...], **options: Any) -> None:
        self._stream = stream
        self._by = names_of(by, "by")
        self._options = options
        if not self._by:
            raise SettingError("group_by names one column or several, got none")

    def window(self, size: object = None, **options: Any) -> Windowed:
        """Return the windows of each key; see `Stream.window`."""
        return Windowed(self._stream, self._by, size, {**self._options, **options})

    def pipe(self, make: Callable[..., Operator], *settings: Any, **options: Any) -> Stream:
        """Return the stream with the operator that `make` returns, told to go `by` the keys."""
        by = self._by[0] if len(self._by) == 1 else self._by
        return self._stream.pipe(make(*settings, by=by, **options))


class Windowed:
    """A stream in windows, of which `agg` says what is to be known. Immutable."""

    def __init__(
        self, stream: Stream, by: tuple[str, ...], size: object, options: dict[str, Any]
    ) -> None:
        self._stream = stream
        self._by = by
        self._size = size
        self._options = options

    def agg(self, **aggregates: Any) -> Stream:
        """Return the stream of results: a row for each window and key, a column for each name.

        As in pandas, `mean=("temperature", "mean")` is a column and a metric: a name such as
        "mean", "p95" or "nunique", a function of an array, or a `Metric`. Text is an expression of
        the others: `error_rate="errors / requests"`. Raises SettingError for what is neither.
        """
        if not aggregates:
            example = 'mean=("temperature", "mean")'
            raise SettingError(f"agg takes what is to be known of a window, {example}; got nothing")
        window = Window(self._size, by=self._by, aggregate=aggregates, **self._options)
        key = None if not self._by else self._by[0] if len(self._by) == 1 else GROUP
        return self._stream.pipe(window).keyed(key)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"windows have no {quote(name)}: say what is to be known of them with .agg(...)"
        )
