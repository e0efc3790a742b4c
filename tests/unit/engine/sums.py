"""An operator that makes rows of its own, with a memory: sums of so many rows, in order."""

from __future__ import annotations

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.errors import StateError
from livewidget.data.schema import Schema
from livewidget.pipeline.operator import Bound, Operator

RESULT = Schema.of({"time": "time", "sum": "float"}, "time")


class Sums(Operator):
    """Gives the sum of each `rows` rows of `n`, at the last one's time; the rest at the end.

    What has waited for `late_s` is given by the clock.
    """

    name = "sums"

    def __init__(self, rows, late_s=None):
        self._rows = rows
        self._late = late_s

    def bind(self, schema, clock):
        held = _Held(self._rows, self._late, schema.index("n"))
        return Bound(RESULT, held.step, held.tick, held)


class _Held:
    def __init__(self, rows, late_s, place):
        self.rows, self.late, self.place = rows, late_s, place
        self.values, self.times = [], []

    def step(self, batch, tally):
        self.values += batch.columns[self.place].tolist()
        self.times += batch.times.tolist()
        tally.filtered += len(batch)
        out = []
        while len(self.values) >= self.rows:
            out.append(self._take(self.rows))
        return self._batch(out, tally)

    def tick(self, moment, tally):
        late = self.late is not None and self.times and moment.now > self.times[-1] + self.late
        due = self.values and (moment.final or late)
        return self._batch([self._take(len(self.values))] if due else [], tally)

    def save(self):
        return {"rows": self.rows, "values": np.array(self.values), "times": np.array(self.times)}

    def load(self, state):
        if state["rows"] != self.rows:
            raise StateError(f"the sums are of {self.rows} rows, those kept of {state['rows']}")
        self.values, self.times = state["values"].tolist(), state["times"].astype(int).tolist()

    def _take(self, rows):
        result = self.times[rows - 1], sum(self.values[:rows])
        del self.values[:rows], self.times[:rows]
        return result

    def _batch(self, results, tally):
        tally.made += len(results)
        times = np.array([time for time, _ in results], dtype=np.int64)
        return Batch(RESULT, (times, np.array([value for _, value in results])))
