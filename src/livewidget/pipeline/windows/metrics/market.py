"""What is asked of prices: volatility, and the mean by volume."""

from __future__ import annotations

import numpy as np

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Metric, Rows, Runs
from livewidget.pipeline.windows.metrics.basic import OfColumn

YEAR_S = 365.25 * 86_400  # markets that never close; for others scale by their own year


class Volatility(OfColumn):
    """The realised volatility: the root of the sum of squared log returns from row to row.

    With `annual` it is scaled from the time between first and last row to a year of 365.25 days.
    Rows come in order of time; a price that is not above zero stays out.
    """

    ordered = True

    def __init__(self, column: str, *, annual: bool = False) -> None:
        super().__init__(column)
        self._annual = annual

    def new(self, cells: int) -> Arrays:
        """Return volatilities of nothing."""
        state: Arrays = {name: np.zeros(cells) for name in ("first", "last", "squares")}
        state["count"] = np.zeros(cells, dtype=np.int64)
        state["began"] = np.zeros(cells, dtype=np.int64)
        state["ended"] = np.zeros(cells, dtype=np.int64)
        return state

    def update(self, state: Arrays, rows: Rows) -> None:
        """Add the returns of the new rows, and the one from the last row to the first of them."""
        runs = _above_zero(rows.runs(self.column))
        if not len(runs.values):
            return
        logs, times = np.log(runs.values), rows.times[runs.rows]
        returns = np.diff(logs, prepend=logs[0])
        returns[runs.begins] = 0.0
        squares = np.add.reduceat(returns * returns, runs.begins)
        ends = runs.begins + runs.counts - 1
        self._add(
            state,
            runs.cells,
            {
                "count": runs.counts,
                "first": logs[runs.begins],
                "last": logs[ends],
                "squares": squares,
                "began": times[runs.begins],
                "ended": times[ends],
            },
        )

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add another's, which is later."""
        self._add(state, cells, {name: array[others] for name, array in other.items()})

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the volatilities; NaN of less than two prices."""
        found = np.sqrt(state["squares"][cells])
        found[state["count"][cells] < 2] = np.nan  # noqa: PLR2004  (a return takes two)
        if self._annual:
            span = (state["ended"][cells] - state["began"][cells]) / 1e9
            with np.errstate(invalid="ignore", divide="ignore"):
                found = np.where(span > 0, found * np.sqrt(YEAR_S / span), np.nan)
        return (found,)

    @staticmethod
    def _add(state: Arrays, cells: Places, later: Arrays) -> None:
        some = later["count"] > 0
        cells, later = cells[some], {name: array[some] for name, array in later.items()}
        had = state["count"][cells] > 0
        gap = np.where(had, later["first"] - state["last"][cells], 0.0)
        state["squares"][cells] += later["squares"] + gap * gap
        state["first"][cells] = np.where(had, state["first"][cells], later["first"])
        state["began"][cells] = np.where(had, state["began"][cells], later["began"])
        state["last"][cells], state["ended"][cells] = later["last"], later["ended"]
        state["count"][cells] += later["count"]


def _above_zero(runs: Runs) -> Runs:
    keep = runs.values > 0
    if keep.all():
        return runs
    number = np.repeat(np.arange(len(runs.counts)), runs.counts)[keep]
    counts = np.bincount(number, minlength=len(runs.counts))
    some = counts > 0
    counts = counts[some]
    begins = np.cumsum(counts) - counts
    return Runs(runs.values[keep], runs.rows[keep], begins, counts, runs.cells[some])


class Vwap(Metric):
    """The mean price by volume; NaN where no volume was known."""

    def __init__(self, price: str, volume: str) -> None:
        self.inputs = (price, volume)

    def new(self, cells: int) -> Arrays:
        """Return means of nothing."""
        return {"turnover": np.zeros(cells), "volume": np.zeros(cells)}

    def update(self, state: Arrays, rows: Rows) -> None:
        """Add turnover and volume, of rows that have both."""
        price, volume = (rows.columns[name] for name in self.inputs)
        assert isinstance(price, np.ndarray)
        assert isinstance(volume, np.ndarray)
        turnover = price * volume
        runs = rows.runs_of(turnover)
        if len(runs.values):
            volumes = volume[runs.rows]
            state["turnover"][runs.cells] += np.add.reduceat(runs.values, runs.begins)
            state["volume"][runs.cells] += np.add.reduceat(volumes, runs.begins)

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add up."""
        for name in ("turnover", "volume"):
            state[name][cells] += other[name][others]

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the means."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = state["turnover"][cells] / state["volume"][cells]
        return (np.where(state["volume"][cells] != 0, found, np.nan),)
