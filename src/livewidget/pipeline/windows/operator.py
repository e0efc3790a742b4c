"""The operator `window`: settings checked at the door, and windows bound to a schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import gcd
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import to_column
from livewidget.data.duration import seconds
from livewidget.data.errors import SchemaError, SettingError, StateError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.expression import Expression
from livewidget.pipeline.fields import names_of, whole
from livewidget.pipeline.keys import MOST_KEYS
from livewidget.pipeline.operator import Bound, Moment, Operator, State, Tally
from livewidget.pipeline.windows.assign import Tiling
from livewidget.pipeline.windows.base import Found, Windows
from livewidget.pipeline.windows.cells import plain
from livewidget.pipeline.windows.core import Core, Plan
from livewidget.pipeline.windows.counted import Counted
from livewidget.pipeline.windows.dimensions import Dimensions, Labels
from livewidget.pipeline.windows.metric import Metric
from livewidget.pipeline.windows.resolve import metric_for
from livewidget.pipeline.windows.results import Results, Shape
from livewidget.pipeline.windows.session import Sessions
from livewidget.pipeline.windows.timed import Timed
from livewidget.pipeline.windows.watermark import Watermark

OVERFLOWS = ("forget", "other", "reject")
LABELS = ("end", "start")
MOST_PANES = 100_000  # of a window: a day by the second
WEEK_S = 7 * 86_400.0  # longer than a market is shut, shorter than a wrong unit makes it
_S = 1_000_000_000
How = Any  # the name of a metric, a function or a Metric
Aggregate = Mapping[str, Any]  # a name to (column, how), or to an expression over other names


class Window(Operator):
    """Sums rows up by windows of event time, or of so many rows, for each key of `by`.

    `size` alone is tumbling, with `slide` (at most as long) sliding, `gap` is a session that ends
    where a key has had no row for so long, `rows` is so many rows of a key (`slide`: rows, too).
    Windows are half-open, [start, end), and begin at multiples of their slide since the epoch plus
    `origin` (a time, or ns). `aggregate` gives the columns of the results: `mean=("price",
    "mean")`, or an expression over the others, `error_rate="errors / requests"`.

    A result is a row: the time (the window's end, or its start as `label` says), the keys as text
    (an int stays one; of two keys or more also all together in `group`), `window_start`, and the
    outputs. It comes as the watermark passes the window's end: the greatest event time of all rows
    so far, less `wait`; windows by their ends, then keys by their first rows. A late row, whose
    windows have all ended, is left out and counted, unless they ended less than `lateness` before:
    then it makes one row of each, corrected. `early` gives rows of the windows that are open and
    had rows, each time the greatest event time passes a multiple of it; they bear that time. Of
    sliding windows that is the one that closes next. With `early` or `lateness` the column
    `result` says which is which: early, final, correction.

    All of this depends on event times and on the order of arrival alone, never on how rows were
    cut into batches. `idle` is the exception: where no row came for so long by the clock, windows
    close as if event time had gone on.

    A row more than `max_jump` ahead of all before it is rejected: its clock is wrong. Of ten such
    rows on end the tenth is taken. By default it is a week, or ten windows where those are longer;
    None for no limit (in a file, false).

    Of more than `max_keys` keys with open windows those seen least recently are forgotten with
    their open windows (`overflow="forget"`), or further ones are put together as "other", or their
    rows are rejected ("reject"). `counts` has what was late and which keys were forgotten.

    A metric that raises gives NaN, and harms no other. A class of the user's is not kept beyond
    the process, and nor is then the rest of the window. Metrics that need rows in order (a moving
    average, a volatility) get them so: rows are held back until the watermark has passed them, and
    a row that comes later is late.
    """

    name = "window"

    def __init__(
        self,
        size: Any = None,
        *,
        aggregate: Aggregate,
        slide: Any = None,
        gap: Any = None,
        rows: int | None = None,
        by: str | Sequence[str] | None = None,
        wait: Any = 0,
        lateness: Any = 0,
        early: Any = None,
        idle: Any = None,
        label: str = "end",
        origin: Any = None,
        max_jump: Any = "default",
        max_keys: int = MOST_KEYS,
        overflow: str = "forget",
    ) -> None:
        given = [
            name
            for name, value in (("size", size), ("gap", gap), ("rows", rows))
            if value is not None
        ]
        if len(given) != 1:
            raise SettingError(
                "a window takes one of size (a duration), gap (a duration) or rows (a number); "
                f"got {' and '.join(given) or 'none of them'}"
            )
        self._size = None if size is None else _ns(size, "size")
        self._gap = None if gap is None else _ns(gap, "gap")
        self._rows = None if rows is None else whole(rows, "rows")
        self._slide = self._slide_of(slide)
        self._by = names_of(by, "by")
        self._metrics, self._expressions = _parts(aggregate)
        self._wait = _ns(wait, "wait", zero=True)
        self._lateness = _ns(lateness, "lateness", zero=True)
        self._early = None if early is None else _ns(early, "early")
        self._idle = None if idle is None else _ns(idle, "idle")
        self._label = _one_of(label, LABELS, "label")
        self._origin = _origin(origin)
        self._jump = self._jump_of(max_jump)
        self._max_keys = whole(max_keys, "max_keys")
        self._overflow = _one_of(overflow, OVERFLOWS, "overflow")
        self._ordered = any(metric.ordered for metric in self._metrics.values())
        self._check()
        self.counts = Counts("late", "keys forgotten")

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Return the step.

        Raises SchemaError for a column that is not there, a key that is a time, or a metric on a
        column that it does not take.
        """
        self._check_schema(schema)
        outputs = [
            f"{name}_{suffix}" if suffix else name
            for name, metric in self._metrics.items()
            for suffix in metric.outputs
        ]
        tells = bool(self._early or self._lateness)
        shape = Shape(schema, self._by, outputs, self._expressions, clock, tells=tells)
        reads = {name for metric in self._metrics.values() for name in metric.inputs}
        plan = Plan(tuple(sorted(reads)), self._ordered, self._early, self._idle, self._overflow)

        def core() -> Core:
            dimensions = Dimensions(self._by, self._max_keys, self.counts)
            results = Results(shape, Labels(shape.label_kinds, dimensions), self._label)
            windows = self._windows(results, lambda count: self.counts.add("late", count))
            watermark = Watermark(self._wait, self._jump)
            return Core(plan, watermark, dimensions, windows, results, self.counts)

        state = _Memory(core, schema, self._settings(schema))

        def step(batch: Batch, tally: Tally) -> Batch:
            return state.core.step(batch, tally, clock.now())

        def tick(moment: Moment, tally: Tally) -> Batch:
            return state.core.tick(moment, tally)

        kept = plain(list(self._metrics.values()))
        return Bound(shape.schema, step, tick, state if kept else None)

    def _windows(self, emit: Callable[[Found], None], late: Callable[[int], None]) -> Windows:
        metrics = list(self._metrics.values())
        if self._gap is not None:
            return Sessions(self._gap, metrics, self._lateness, emit, late)
        if self._rows is not None:
            return Counted(self._rows, self._slide or self._rows, metrics, emit, late)
        tiling = Tiling(self._size or 1, self._slide or self._size or 1, self._origin)
        return Timed(tiling, metrics, self._lateness, emit, late)

    def _slide_of(self, slide: Any) -> int | None:
        if slide is None:
            return None
        if self._gap is not None:
            raise SettingError("a session (gap) does not slide; leave slide out")
        mine = _ns(slide, "slide") if self._size is not None else whole(slide, "slide")
        if mine > (self._size or self._rows or 0):
            raise SettingError(
                f"slide is at most as long as its window, else rows fall between; got slide "
                f"{quote(slide)} for a window of {self._told()}"
            )
        panes = (self._size or self._rows or 0) // gcd(self._size or self._rows or 0, mine)
        if panes > MOST_PANES:
            raise SettingError(
                f"a window of {self._told()} that slides by {quote(slide)} is made of {panes:,} "
                f"panes, at most {MOST_PANES:,}: let it slide by a round part of its size"
            )
        return mine

    def _told(self) -> str:
        return f"{self._rows} rows" if self._size is None else f"{self._size / _S:g} s"

    def _jump_of(self, max_jump: Any) -> int | None:
        if max_jump == "default":
            return max(round(WEEK_S * _S), 10 * (self._size or self._gap or 0))
        return None if max_jump is None or max_jump is False else _ns(max_jump, "max_jump")

    def _check(self) -> None:
        if self._ordered and self._lateness:
            names = [name for name, metric in self._metrics.items() if metric.ordered]
            raise SettingError(
                f"lateness does not go with {', '.join(names)}: it takes rows in order of time, "
                "and what is late is too late. Let it wait for them: wait="
            )
        if self._ordered and self._overflow == "reject":
            raise SettingError("overflow='reject' does not go with metrics that take rows in order")
        if self._rows is not None:
            for name, value in (
                ("lateness", self._lateness),
                ("early", self._early),
                ("idle", self._idle),
                ("origin", self._origin),
                ("wait", not self._ordered and self._wait),
            ):
                if value:
                    raise SettingError(f"{name} is of windows by time; windows of rows have none")

    def _check_schema(self, schema: Schema) -> None:
        for name in self._by:
            if schema.kind(name) is Kind.TIME:
                raise SchemaError(f"by takes text or numbers; {name!r} is a time")
            if self._overflow == "other" and schema.kind(name) is Kind.INT:
                raise SchemaError(f"overflow='other' takes keys of text; {name!r} is 'int'")
        for output, metric in self._metrics.items():
            for name in metric.inputs:
                if schema.kind(name) is Kind.TEXT and not metric.text:
                    raise SchemaError(
                        f"aggregate {output!r} takes a column of numbers; {name!r} is text"
                    )

    def _settings(self, schema: Schema) -> dict[str, Any]:
        """Return what a state depends on."""
        metrics = {name: _told(metric) for name, metric in self._metrics.items()}
        names = ("size", "gap", "rows", "slide", "wait", "lateness", "early", "origin", "ordered")
        return {
            **{name: getattr(self, f"_{name}") for name in names},
            "by": list(self._by),
            "aggregate": metrics,
            "columns": [f"{field.name}: {field.kind}" for field in schema.fields],
        }


class _Memory:
    """The state of a window operator, and what is kept of it."""

    def __init__(self, make: Callable[[], Core], schema: Schema, settings: dict[str, Any]) -> None:
        self._make = make
        self._schema = schema
        self._settings = settings
        self.core = make()

    def save(self) -> State:
        """Return the state with the settings that it is of."""
        return {"settings": self._settings, **self.core.save()}

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError for one of other settings, or none of ours.

        All is as it was then.
        """
        core = self._make()
        try:
            for name, value in self._settings.items():
                if state["settings"][name] != value:
                    raise StateError(
                        f"the state is of windows with {name} {quote(state['settings'][name])}, "
                        f"these have {quote(value)}"
                    )
            core.load(state, self._schema)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise StateError(f"the state is none of windows: {error!r}") from error
        self.core = core


def _parts(aggregate: Any) -> tuple[dict[str, Metric], dict[str, Expression]]:
    if not isinstance(aggregate, Mapping) or not aggregate:
        raise SettingError(
            "aggregate says what to work out, as in mean=('temperature', 'mean'); "
            f"got {quote(aggregate)}"
        )
    metrics: dict[str, Metric] = {}
    expressions: dict[str, Expression] = {}
    for name, item in aggregate.items():
        if isinstance(item, str):
            expressions[name] = Expression(item)
        elif isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[0], str):  # noqa: PLR2004
            metrics[name] = _metric(name, *item)
        else:
            raise SettingError(
                f"aggregate {name!r} is (column, metric) or an expression; got {quote(item)}"
            )
    if not metrics:
        raise SettingError(f"aggregate has expressions only, over nothing: {quote(aggregate)}")
    return metrics, expressions


def _metric(name: str, column: str, how: How) -> Metric:
    try:
        return metric_for(column, how)
    except SettingError as error:
        raise SettingError(f"aggregate {name!r}: {error}") from None


def _ns(value: Any, name: str, *, zero: bool = False) -> int:
    """Return a duration in ns, 1 or more; or 0, where that may be."""
    if zero and (value is None or (not isinstance(value, bool) and value == 0)):
        return 0
    return max(1, round(seconds(value, name) * _S))


def _told(metric: Metric) -> str:
    """Return what a metric is, with its settings, so that another one is told apart from it."""
    plain = (str, int, float, bool, tuple)
    own = {name: value for name, value in vars(metric).items() if isinstance(value, plain)}
    return f"{type(metric).__name__}({own})"


def _one_of(value: Any, names: Sequence[str], setting: str) -> str:
    if value not in names:
        raise SettingError(f"{setting} is one of {', '.join(names)}; got {quote(value)}")
    return str(value)


def _origin(origin: Any) -> int:
    if origin is None:
        return 0
    if isinstance(origin, int) and not isinstance(origin, bool):
        return origin
    try:
        return int(np.asarray(to_column("origin", [origin], Kind.TIME))[0])
    except (SchemaError, TypeError, ValueError):
        raise SettingError(
            f"origin is a time, or ns since the epoch; got {quote(origin)}"
        ) from None
