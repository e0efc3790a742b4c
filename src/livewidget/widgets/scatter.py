"""LiveScatter: where things are now, coloured by what they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import traitlets as t
from bqplot import Axis, ColorAxis, ColorScale, Figure, LinearScale, OrdinalColorScale, Scatter

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.fields import NUMBERS, expect, whole
from livewidget.widgets.drawn import LABELS, MARGIN, TEXT, DrawnWidget, at
from livewidget.widgets.traits import Duration

# Grey for what belongs to nothing, then the ten of Tableau's palette: legible on white and black.
PALETTE = [
    "#8c8c8c",
    *("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f"),
    *("#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#17becf"),
]
_HUES = len(PALETTE) - 1


class LiveScatter(DrawnWidget):
    """A scatter of the newest rows of a `Stream` or a `DataStreamer`, two columns of numbers.

    Those of the last `window` of event time, `max_points` at most; `window=None`: those of the
    newest time alone, which is what the operator `Clusters` gives at once. `color` names a column:
    whole numbers and text are told apart by ten colours (grey for what is negative or missing),
    other numbers are put on a scale, and rows without one are not drawn; None: one colour for all.
    """

    name = "LiveScatter"
    window: t.TraitType[Any, Any] = Duration(60.0, allow_none=True)

    def __init__(
        self,
        source: object,
        *,
        x: str,
        y: str,
        color: str | None = "cluster",
        window: Any = "60s",
        max_points: int = 5_000,
        fps: int = 4,
        title: str = "",
        height: int = 360,
        paused: bool = False,
    ) -> None:
        self._x, self._y, self._color = x, y, color
        if x == y:
            raise SettingError(f"x and y are two columns; got {x!r} for both")
        self._hues: dict[str, int] = {}
        scales = {"x": LinearScale(), "y": LinearScale()}
        self.points = Scatter(
            x=np.zeros(0),
            y=np.zeros(0),
            scales=scales,
            colors=[PALETTE[1]],
            default_size=24,
            opacities=[0.85],
        )
        axes = [
            Axis(scale=scales["x"], label=x, label_offset=LABELS["across"]),
            Axis(scale=scales["y"], label=y, label_offset=LABELS["up"]),
        ]
        axes[1].orientation = "vertical"
        figure = Figure(marks=[self.points], axes=axes, animation_duration=0, fig_margin=MARGIN)
        settings = {"fps": fps, "title": title, "height": height, "paused": paused}
        super().__init__(source, figure, whole(max_points, "max_points"), window=window, **settings)

    def check(self, schema: Schema) -> None:
        """Raise SchemaError for a column that is absent or, for a place, holds no numbers."""
        for name in (self._x, self._y):
            expect(schema, name, NUMBERS, self.name)
        if self._color is not None:
            expect(schema, self._color, (*NUMBERS, Kind.TEXT), self.name)

    def draw(self, rows: Batch) -> str:
        """Show the rows of the window; return up to when, how many and of what."""
        newest = int(rows.times.max())
        edge = newest - 1 if self.window is None else newest - round(self.window * 1e9)
        x, y = (np.asarray(rows[name], dtype=np.float64) for name in (self._x, self._y))
        shown = np.flatnonzero((rows.times > edge) & np.isfinite(x) & np.isfinite(y))
        if self._color is not None and rows.schema.kind(self._color) is Kind.FLOAT:
            shown = shown[np.isfinite(np.asarray(rows[self._color], dtype=np.float64)[shown])]
        rows, told = rows.take(shown), ""
        with self.points.hold_sync():
            if self._color is not None:
                hues, told = self._colors(rows, self._color)
                self._scale(rows.schema.kind(self._color))
                self.points.color = hues
            self.points.x, self.points.y = x[shown], y[shown]
        return f"{at(newest)} · {len(rows):,} points{told}"

    def _colors(self, rows: Batch, name: str) -> tuple[npt.NDArray[Any], str]:
        """Return what each row's colour is made of, and what is to be said of it."""
        column = rows[name]
        if isinstance(column, Text):
            for word in column.categories:
                self._hues.setdefault(word, 1 + len(self._hues) % _HUES)
            table = np.array([*(self._hues[word] for word in column.categories), 0])
            return table[column.codes], f" · {len(np.unique(column.codes))} of {name!r}"
        if rows.schema.kind(name) is Kind.FLOAT:
            return column, ""
        apart = column >= 0
        told = f" · {len(np.unique(column[apart]))} of {name!r}"
        alone = int((~apart).sum())
        told += f", {alone:,} in none" if alone else ""
        return np.where(apart, 1 + column % _HUES, 0), told

    def _scale(self, kind: Kind) -> None:
        """Have a scale of colours of a kind: numbers on a range, or one for each."""
        if "color" in self.points.scales:
            return
        if kind is Kind.FLOAT:
            scale = ColorScale(scheme="viridis")
            axis = ColorAxis(scale=scale, label=self._color, label_color=TEXT)
            self.figure.axes = [*self.figure.axes, axis]
        else:
            scale = OrdinalColorScale(domain=list(range(len(PALETTE))), colors=PALETTE)
        self.points.scales = {**self.points.scales, "color": scale}

    @t.observe("window")
    def _window_changed(self, _: Any) -> None:
        self._head = -1
