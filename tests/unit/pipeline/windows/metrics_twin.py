"""Small metrics for tests of windows, so that these know nothing of the real ones."""

from __future__ import annotations

import numpy as np

from livewidget.pipeline.windows.metric import Metric


class Folded(Metric):
    """A sum, least or greatest of the values that are there, and their count beside it."""

    def __init__(self, column, ufunc, start, give):
        self.inputs = (column,)
        self._ufunc, self._start, self._give = ufunc, start, give

    def new(self, cells):
        return {"n": np.zeros(cells), "v": np.full(cells, self._start)}

    def update(self, state, rows):
        values = rows.columns[self.inputs[0]]
        there = ~np.isnan(values)
        np.add.at(state["n"], rows.cells[there], 1)
        self._ufunc.at(state["v"], rows.cells[there], values[there])

    def merge(self, state, cells, other, others):
        state["n"][cells] += other["n"][others]
        state["v"][cells] = self._ufunc(state["v"][cells], other["v"][others])

    def result(self, state, cells):
        count, value = state["n"][cells], state["v"][cells]
        with np.errstate(all="ignore"):
            return (self._give(count, value),)


def count(column):
    return Folded(column, np.add, 0.0, lambda n, _: n.copy())


def total(column):
    return Folded(column, np.add, 0.0, lambda n, v: np.where(n > 0, v, np.nan))


def mean(column):
    return Folded(column, np.add, 0.0, lambda n, v: v / n)


def least(column):
    return Folded(column, np.minimum, np.inf, lambda n, v: np.where(n > 0, v, np.nan))


def most(column):
    return Folded(column, np.maximum, -np.inf, lambda n, v: np.where(n > 0, v, np.nan))


class Chain(Metric):
    """Digits of values in the order of the rows: 1, 2, 3 give 123 (modulo a prime)."""

    ordered = True
    outputs = ("", "size")
    PRIME = 1_000_003

    def __init__(self, column):
        self.inputs = (column,)

    def new(self, cells):
        return {"v": np.zeros(cells, dtype=np.int64), "n": np.zeros(cells, dtype=np.int64)}

    def update(self, state, rows):
        values = rows.columns[self.inputs[0]]
        assert (np.diff(rows.times) >= 0).all()
        for cell, value in zip(rows.cells.tolist(), values.tolist(), strict=True):
            if not np.isnan(value):
                state["v"][cell] = (state["v"][cell] * 10 + int(value)) % self.PRIME
                state["n"][cell] += 1

    def merge(self, state, cells, other, others):
        for cell, its in zip(cells.tolist(), others.tolist(), strict=True):
            shift = pow(10, int(other["n"][its]), self.PRIME)
            state["v"][cell] = (int(state["v"][cell]) * shift + int(other["v"][its])) % self.PRIME
            state["n"][cell] += other["n"][its]

    def result(self, state, cells):
        return state["v"][cells].astype(float), state["n"][cells].astype(float)

    @classmethod
    def of(cls, values):
        chain = 0
        for value in values:
            chain = (chain * 10 + int(value)) % cls.PRIME
        return float(chain)
