"""LiveHeatMap: a table of numbers as colours, as it stands at the newest time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from bqplot import Axis, ColorAxis, ColorScale, Figure, GridHeatMap, Label, OrdinalScale
from traittypes import Array

from livewidget.data.batch import Batch
from livewidget.data.duration import is_number
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.fields import NUMBERS, expect
from livewidget.widgets.drawn import LABELS, MARGIN, DrawnWidget, at

# Blue, white, red: not so dark at the ends that the black numbers in the cells could not be read.
COLORS = ["#5b9bd5", "#f7f7f7", "#e0705a"]
NOTHING = "#9a9a9a"
MOST_ROWS = 10_000  # cells of a table, and the newest rows that are looked through for them
_NUMBERS_SHOWN = 12  # rows and columns up to which the numbers stand in the cells
_TOLD = 3

Table = npt.NDArray[np.float64]


def _nested(array: Table | None, widget: object = None) -> list[list[float | None]] | None:  # noqa: ARG001  (as ipywidgets calls it)
    if array is None:
        return None
    return [[None if np.isnan(cell) else cell for cell in row] for row in array.tolist()]


class _Cells(GridHeatMap):  # type: ignore[misc] # bqplot publishes no types
    """A GridHeatMap in which NaN is null: a NaN has no colour, and the browser paints it black."""

    color = Array(None, allow_none=True).tag(
        sync=True, scaled=True, rtype="Color", atype="bqplot.ColorAxis", to_json=_nested
    )


class LiveHeatMap(DrawnWidget):
    """The rows of the newest time of a `Stream` or a `DataStreamer` as a table of colours.

    `rows` and `columns` name columns of text or whole numbers, `value` one of numbers: that is the
    long form, in which the operator `Correlation` gives its matrix. Colours diverge from 0 to
    `limit` both ways; None: to the greatest value there is. What is not there is grey. Up to 12 by
    12 cells show their numbers, a dash where there is none.
    """

    name = "LiveHeatMap"

    def __init__(
        self,
        source: object,
        *,
        rows: str = "left",
        columns: str = "right",
        value: str = "correlation",
        limit: float | None = 1.0,
        fps: int = 4,
        title: str = "",
        height: int = 420,
        paused: bool = False,
    ) -> None:
        if limit is not None and (not is_number(limit) or not 0 < limit < float("inf")):
            raise SettingError(f"limit is a number above 0, or None; got {quote(limit)}")
        self._rows, self._columns, self._value = rows, columns, value
        self._limit = limit
        self._labels: tuple[list[str], list[str]] = ([], [])
        self._range = ColorScale(colors=COLORS, mid=0.0, min=-(limit or 1.0), max=limit or 1.0)
        self._scales = {
            "row": OrdinalScale(reverse=True),
            "column": OrdinalScale(),
            "color": self._range,
        }
        axes = [
            Axis(
                scale=self._scales["column"],
                label=columns,
                label_offset=LABELS["across"],
                grid_lines="none",
            ),
            Axis(
                scale=self._scales["row"],
                label=rows,
                label_offset=LABELS["up"],
                grid_lines="none",
            ),
            ColorAxis(scale=self._range, label=value),
        ]
        axes[1].orientation = "vertical"
        axes[2].orientation, axes[2].side = "vertical", "right"
        margin = MARGIN | {"right": 90, "left": 90}
        figure = Figure(marks=[], axes=axes, animation_duration=0, fig_margin=margin)
        settings = {"fps": fps, "title": title, "height": height, "paused": paused}
        super().__init__(source, figure, MOST_ROWS, **settings)

    def check(self, schema: Schema) -> None:
        """Raise SchemaError for a column that is absent or of another kind."""
        for name in (self._rows, self._columns):
            expect(schema, name, (Kind.TEXT, Kind.INT), self.name)
        expect(schema, self._value, NUMBERS, self.name)

    def draw(self, rows: Batch) -> str:
        """Show the table of the newest time; return when, its size, and what stands out in it."""
        newest = int(rows.times.max())
        rows = rows.take(rows.times == newest)
        left, up = _labels(rows, self._rows)
        right, across = _labels(rows, self._columns)
        table = np.full((len(left), len(right)), np.nan)
        table[up, across] = np.asarray(rows[self._value], dtype=np.float64)
        if self._limit is None:
            reach = float(np.nanmax(np.abs(table), initial=0.0)) or 1.0
            with self._range.hold_sync():
                self._range.min, self._range.max = -reach, reach
        self._show(table, left, right)
        return f"{at(newest)} · {len(left)} by {len(right)}{_standing_out(table, left, right)}"

    def _show(self, table: Table, left: list[str], right: list[str]) -> None:
        if (left, right) != self._labels:
            self._new_marks(table, left, right)
        cells, *numbers = self.figure.marks
        cells.color = table
        for label in numbers:
            label.text = [
                "-" if np.isnan(cell) else f"{cell:.2f}" for cell in table.ravel().tolist()
            ]

    def _new_marks(self, table: Table, left: list[str], right: list[str]) -> None:
        marks = [
            _Cells(
                color=table,
                row=np.array(left),
                column=np.array(right),
                scales=self._scales,
                null_color=NOTHING,
                stroke="#00000022",
            )
        ]
        if max(table.shape) <= _NUMBERS_SHOWN:  # by a mark of their own: bqplot's show null as 0.00
            marks.append(
                Label(
                    x=np.tile(right, len(left)),
                    y=np.repeat(left, len(right)),
                    text=[""] * table.size,
                    scales={"x": self._scales["column"], "y": self._scales["row"]},
                    align="middle",
                    colors=["black"],
                    default_size=12,
                    font_weight="normal",
                )
            )
        before, self.figure.marks = self.figure.marks, marks
        self._labels = left, right
        for mark in before:
            mark.close()


def _labels(rows: Batch, name: str) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Return the different labels in their order, and the place of each row's own."""
    column = rows[name]
    if isinstance(column, Text):
        words = column.decode()
        words[column.codes < 0] = "(none)"
        labels, places = np.unique(words.astype(str), return_inverse=True)
    else:
        labels, places = np.unique(column, return_inverse=True)
    return [str(label) for label in labels.tolist()], places.astype(np.intp)


def _standing_out(table: Table, left: list[str], right: list[str]) -> str:
    """Return the greatest values by magnitude, in words; of a symmetric table each pair once."""
    known = ~np.isnan(table)
    if left == right:
        known &= ~np.eye(len(left), dtype=bool)
        with np.errstate(invalid="ignore"):
            mirrored = np.allclose(table, table.T, equal_nan=True)
        if mirrored:
            known &= np.triu(np.ones_like(known))
    places = np.argwhere(known)
    if not len(places):
        return ""
    strength = np.abs(table[known])
    best = places[np.argsort(-strength, kind="stable")[:_TOLD]]
    told = [f"{left[row]} and {right[column]} {table[row, column]:.2f}" for row, column in best]
    return f" · strongest: {', '.join(told)}"
