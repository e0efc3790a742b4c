"""Several metrics as one, of several outputs."""

from __future__ import annotations

from collections.abc import Sequence

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Metric, Rows
from livewidget.pipeline.windows.metrics.basic import End, maximum, minimum


class Together(Metric):
    """Metrics side by side; the outputs of each are named by `outputs`, one after the other."""

    def __init__(self, parts: Sequence[Metric], outputs: Sequence[str]) -> None:
        self._parts = tuple(parts)
        self.outputs = tuple(outputs)
        self.inputs = tuple(dict.fromkeys(name for part in parts for name in part.inputs))
        self.ordered = any(part.ordered for part in parts)

    def new(self, cells: int) -> Arrays:
        """Return the states of all, each name with the number of its part."""
        return self._joined([part.new(cells) for part in self._parts])

    def grown(self, state: Arrays, cells: int) -> Arrays:
        """Return the states of all with room for more."""
        parts = zip(self._parts, self._split(state), strict=True)
        return self._joined([part.grown(own, cells) for part, own in parts])

    def update(self, state: Arrays, rows: Rows) -> None:
        """Update all."""
        for part, own in zip(self._parts, self._split(state), strict=True):
            part.update(own, rows)

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Merge all."""
        sides = self._split(state), self._split(other)
        for part, own, its in zip(self._parts, *sides, strict=True):
            part.merge(own, cells, its, others)

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return what each gives."""
        parts = zip(self._parts, self._split(state), strict=True)
        return tuple(column for part, own in parts for column in part.result(own, cells))

    @staticmethod
    def _joined(states: Sequence[Arrays]) -> Arrays:
        return {
            f"{number} {name}": array
            for number, state in enumerate(states)
            for name, array in state.items()
        }

    def _split(self, state: Arrays) -> list[Arrays]:
        parts: list[Arrays] = [{} for _ in self._parts]
        for key, array in state.items():
            number, _, name = key.partition(" ")
            parts[int(number)][name] = array
        return parts


def ohlc(column: str) -> Metric:
    """Return the candle of a window: open, high, low, close."""
    parts = End(column, last=False), maximum(column), minimum(column), End(column, last=True)
    return Together(parts, ("open", "high", "low", "close"))
