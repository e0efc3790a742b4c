"""A line of servers with queues between them, of which the slowest is known. Slow and readable.

Each event is one row. A server takes the next row when it is idle, works on it for a random time,
and keeps it until there is room behind it (blocking after service; Perros, 1994).
"""

from __future__ import annotations

import numpy as np

from livewidget.monitor.stages import SOURCE, Stage

ENDLESS = 10**9


class Line:
    """`rates` in rows a second, the source's first; `rooms` are the rows before each other one."""

    def __init__(self, names, rates, rooms, seconds, rng, *, arrivals=None, roughness=1.0):
        self.names = names
        self.rooms = [ENDLESS, *rooms]
        rows = int(2 * min(rates) * seconds) + 100 if arrivals is None else len(arrivals)
        shape = 1 / max(roughness, 1e-3)
        work = [rng.gamma(shape, 1 / (rate * shape), rows) for rate in rates]
        count = len(names)
        self.start = np.zeros((count, rows))
        self.done = np.zeros((count, rows))
        self.left = np.full((count, rows), np.inf)
        for row in range(rows):
            for place in range(count):
                came = 0.0 if place == 0 else self.left[place - 1, row]
                if place == 0 and arrivals is not None:
                    came = arrivals[row]
                free = self.left[place, row - 1] if row else 0.0
                self.start[place, row] = max(came, free)
                self.done[place, row] = self.start[place, row] + work[place][row]
                self.left[place, row] = self.done[place, row]
                if place + 1 < count and row >= self.rooms[place + 1]:
                    room_at = self.start[place + 1, row - self.rooms[place + 1]]
                    self.left[place, row] = max(self.left[place, row], room_at)

    def read(self, begin, end):
        """The stages as they would be measured over [begin, end) in s."""
        return tuple(self._stage(place, begin, end) for place in range(len(self.names)))

    def _stage(self, place, begin, end):
        name = self.names[place]
        served = ((self.left[place] >= begin) & (self.left[place] < end)).sum() / (end - begin)
        figures = {
            "name": name,
            "label": name,
            "served": served,
            "busy": overlap(self.start[place], self.done[place], begin, end),
            "held": overlap(self.done[place], self.left[place], begin, end),
        }
        if name == SOURCE:
            return Stage(arrived=served, state="live", **figures)
        before = self.left[place - 1]
        queues = [(before <= at).sum() - (self.start[place] <= at).sum() for at in (begin, end)]
        room = self.rooms[place]
        return Stage(
            arrived=((before >= begin) & (before < end)).sum() / (end - begin),
            queue=queues[1],
            capacity=None if room == ENDLESS else room,
            growth=(queues[1] - queues[0]) / (end - begin),
            **figures,
        )


def overlap(starts, stops, begin, end):
    """The part of [begin, end) that intervals cover."""
    inside = np.minimum(stops, end) - np.maximum(starts, begin)
    return float(np.clip(inside, 0, None).sum() / (end - begin))
