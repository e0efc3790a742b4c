"""The view of one chart: samples in, frames out, and never a look back at the whole window.

I/O-free: no clock, no thread, no ring. The engine feeds it the new rows, asks it for a frame at
each beat, and feeds it anew (`rebuild`) where the range, the width or the window changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from livewidget.data.frame import Frame, SeriesDiff
from livewidget.data.viewport import Viewport
from livewidget.sketches.extremes import Summary, Times, Values, summarise
from livewidget.view.buckets import BucketTable

_FARTHEST = 2**52  # ns: offsets from the origin stay exact in float64 (52 days)
OTHERS = "others"
LEAST_BUCKETS = 100  # of a picture that has so many pixels

Keys = npt.NDArray[np.int32]


class View:
    """The buckets that a chart shows, about one a pixel, on an absolute grid.

    `columns` names the lines. Where `keyed`, each key (a category's code) has lines of its own,
    up to `max_keys` keys; the rest share one group. `window` is in ns. `every` sends first and
    last of each bucket besides min and max. Not thread-safe: the engine's thread owns it.
    """

    def __init__(
        self,
        chart: int,
        columns: Sequence[str],
        *,
        window: int,
        keyed: bool = False,
        max_keys: int = 20,
        every: bool = False,
    ) -> None:
        self._chart = chart
        self._columns = tuple(columns)
        self._keyed = keyed
        self._max_keys = max_keys
        self._every = every
        self._window = window
        self._viewport = Viewport()
        self._per_pixel = 1.0
        self._coarser = 0
        self._tables: dict[int, BucketTable] = {}
        self._generation = self._sent_generation = self._sequence = 0
        self._origin = 0
        self._newest: int | None = None
        self._sent_span: tuple[int, int] | None = None
        self._grouped: set[int] = set()
        self._fresh = True

    @property
    def stale(self) -> bool:
        """Whether the buckets no longer fit the range: `rebuild` before the next frame."""
        return self._fresh

    @property
    def due(self) -> bool:
        """Whether the next frame is a snapshot, whatever comes."""
        return self._fresh or self._sent_generation != self._generation

    @property
    def width(self) -> int:
        """The bucket width in ns: the visible span over the pixels, at least 1; see `grain`."""
        start, stop = self._viewport.span or (0, self._window)
        pixels = self._viewport.width
        buckets = max(1, round(pixels * self._per_pixel))
        wide = max(1, (stop - start) // buckets) << self._coarser
        return min(wide, max(1, (stop - start) // max(1, min(pixels, LEAST_BUCKETS))))

    @property
    def span(self) -> tuple[int, int] | None:
        """The visible range in ns since the epoch, or None while there is nothing to see."""
        if self._viewport.span is not None:
            return self._viewport.span
        return None if self._newest is None else (self._newest - self._window, self._newest)

    @property
    def reach(self) -> tuple[int, int] | None:
        """The range that the buckets in sight cover, [start, stop) in ns: `span` on the grid."""
        span, width = self.span, self.width
        return span and (span[0] // width * width, (span[1] // width + 1) * width)

    @property
    def sequence(self) -> int:
        """The number of the last frame."""
        return self._sequence

    @property
    def grouped(self) -> int:
        """How many keys share the group of the others."""
        return len(self._grouped)

    def invalidate(self) -> None:
        """Ask for a rebuild: rows went by that the view has not been fed."""
        self._fresh = True

    def expect(self, newest: int | None) -> None:
        """Set the right edge of a following view, in ns, before a rebuild asks for its `span`."""
        self._newest = newest

    def look(self, viewport: Viewport, window: int) -> None:
        """Look elsewhere, at another width or through another window."""
        if (viewport.width, viewport.span) != (self._viewport.width, self._viewport.span) or (
            window != self._window
        ):
            self._fresh = True
        self._viewport = viewport
        self._window = window

    def grain(self, per_pixel: float, *, coarser: int = 0, every: bool = False) -> None:
        """Draw so many buckets a pixel, each `coarser` times doubled, of four points where `every`.

        A narrow picture keeps `LEAST_BUCKETS`: fewer change the shape of a line and save nothing.
        A new generation begins, which every browser takes up whole; other buckets ask for a
        rebuild, other points of the same buckets do not.
        """
        width = self.width
        self._per_pixel, self._coarser = per_pixel, coarser
        if self.width != width:
            self._fresh = True
        elif every != self._every:
            self._generation += 1
        self._every = every

    def rebuild(
        self,
        times: Times,
        values: Values,
        keys: Keys | None = None,
        *,
        gaps: Sequence[int] = (),
        ordered: bool = False,
    ) -> None:
        """Begin a generation from rows in any order: `times` int64[n], `values` float64[S, n].

        `gaps` are times (ns) before which the line breaks. `ordered` vouches for rising times,
        which then are not looked at again. A following view ends at the newest time it has had.
        A key without rows keeps its line, and so the others their colours, unless another needs it.
        """
        self._generation += 1
        self._fresh = False
        if len(times) and self._newest is None:
            self._newest = int(times.max())
        self._origin = self.span[0] if self.span else 0
        if not ordered:
            times, values, keys = _in_order(times, values, keys)
        lines = [0]
        if keys is not None:
            lines, rows = self._lines(times, keys)
            times, values, keys = times[rows], values[:, rows], keys[rows]
        self._tables = {key: BucketTable(len(self._columns)) for key in lines}
        self._grouped = set()
        if len(times):
            self._feed_between(gaps, times, values, keys)

    def append(
        self, times: Times, values: Values, keys: Keys | None = None, *, gaps: Sequence[int] = ()
    ) -> None:
        """Take new rows in any order; the line breaks before the times in `gaps`.

        A gap that all rows lie before breaks the line before what comes next.
        """
        if not len(times):
            if gaps:
                self._interrupt()
            return
        times, values, keys = _in_order(times, values, keys)
        newest = int(times[-1])
        self._newest = newest if self._newest is None else max(newest, self._newest)
        if self._viewport.span is None and self._newest - self._origin > _FARTHEST:
            self._fresh = True
        self._feed_between(gaps, times, values, keys)

    def frame(
        self,
        label: Callable[[int], str],
        *,
        snapshot: bool = False,
        arrival: float = np.nan,
    ) -> Frame | None:
        """Return what changed since the last frame, or None where nothing did.

        A snapshot, which holds everything, comes first in each generation and where asked for.
        `label` names a key's code. `arrival` is the wall clock in ms of the newest row.
        """
        span = self.span
        if span is None:
            return None
        snapshot = snapshot or self._sent_generation != self._generation
        for table in self._tables.values():
            table.trim(span[0] // self.width)
            if snapshot:
                table.forget_sent()
        diffs: list[SeriesDiff] = []
        for place, table in enumerate(self._tables.values()):
            first = place * len(self._columns)
            diffs += table.diff(first, self._origin, every=self._every)
        if not snapshot and not diffs and span == self._sent_span:
            return None
        base = 0 if snapshot else self._sequence
        self._sequence += 1
        self._sent_span = span
        self._sent_generation = self._generation
        return Frame(
            chart=self._chart,
            generation=self._generation,
            sequence=self._sequence,
            base=base,
            snapshot=snapshot,
            follow=self._viewport.span is None,
            viewport=self._viewport.token,
            origin=self._origin,
            start=float(span[0] - self._origin),
            stop=float(span[1] - self._origin),
            arrival=arrival,
            series=tuple(diffs),
            meta=self._meta(label) if snapshot else {},
        )

    def summaries(self) -> dict[int, Summary]:
        """Return the buckets by key (0 where not keyed): views, for tests and the hover."""
        return {key: table.summary for key, table in self._tables.items()}

    def _meta(self, label: Callable[[int], str]) -> dict[str, object]:
        series: list[dict[str, str]] = [{"name": column} for column in self._columns]
        if self._keyed:
            shown = [OTHERS if key < 0 else label(key) for key in self._tables]
            alone = len(self._columns) == 1
            series = [
                {"name": key if alone else f"{key} {column}", "column": column, "key": key}
                for key in shown
                for column in self._columns
            ]
        notes = []
        if self._grouped:
            most = self._max_keys
            notes.append(
                f"{len(self._grouped)} more keys share the line {OTHERS!r} (max_series={most})"
            )
        return {
            "series": series,
            "notes": notes,
            "bucket_ns": self.width,
        }

    def _lines(self, times: Times, keys: Keys) -> tuple[list[int], slice | npt.NDArray[np.bool_]]:
        """Return the keys with a line of their own, in its place, and which sorted rows matter.

        Those that had one keep it, absent ones too until a key in sight needs theirs. Rows beside
        the reach, which lead a line into it, are of no use to a key that has none.
        """
        start, stop = np.searchsorted(times, self.reach).tolist() if self.reach else (0, 0)
        codes = np.flatnonzero(np.bincount(keys[start:stop] + 1)) - 1
        present = [code for code in codes.tolist() if code >= 0]
        lines = [key for key in self._tables if key >= 0]
        free = [place for place, key in enumerate(lines) if key not in present]
        for key in present:
            if key in lines:
                continue
            if len(lines) < self._max_keys:
                lines.append(key)
            elif free:
                lines[free.pop(0)] = key
        if stop - start == len(times):
            return lines, slice(None)
        rows = np.isin(keys, lines)
        rows[start:stop] = True
        return lines, rows

    def _feed_between(
        self, gaps: Sequence[int], times: Times, values: Values, keys: Keys | None
    ) -> None:
        """Feed sorted rows piece by piece, each piece after a gap with the line broken before."""
        if not gaps:
            self._feed(times, values, keys)
            return
        cuts = set(np.searchsorted(times, np.array(sorted(gaps))).tolist())
        edges = sorted({0, *cuts, len(times)})
        for low, high in pairwise(edges):
            if low in cuts:
                self._interrupt()
            part = None if keys is None else keys[low:high]
            self._feed(times[low:high], values[:, low:high], part)
        if len(times) in cuts:
            self._interrupt()

    def _interrupt(self) -> None:
        for table in self._tables.values():
            table.interrupt()

    def _feed(self, times: Times, values: Values, keys: Keys | None) -> None:
        if keys is None:
            self._feed_table(self._tables[0], times, values)
            return
        codes = np.flatnonzero(np.bincount(keys + 1)) - 1
        groups = np.zeros(codes[-1] + 2, dtype=np.int64)
        groups[codes + 1] = [self._group(code) for code in codes.tolist()]
        keys = groups[keys + 1]
        order = np.argsort(keys, kind="stable")
        keys, times, values = keys[order], times[order], values[:, order]
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        for low, high in zip(starts.tolist(), [*starts[1:].tolist(), len(keys)], strict=True):
            table = self._tables[int(keys[low])]
            self._feed_table(table, times[low:high], values[:, low:high])

    def _group(self, key: int) -> int:
        """Return the key of a key's table; a new one begins a generation: its name must travel."""
        if key >= 0 and key in self._tables:
            return key
        if key < 0 or sum(each >= 0 for each in self._tables) >= self._max_keys:
            self._grouped.add(key)
            key = -1
        if key not in self._tables:
            self._tables[key] = BucketTable(len(self._columns))
            self._generation += 1
        return key

    def _feed_table(self, table: BucketTable, times: Times, values: Values) -> None:
        """Add sorted rows to a table: those in sight, and one to each side of it."""
        if self.reach is None:
            return
        start, stop = self.reach
        low, high = max(0, int(np.searchsorted(times, start)) - 1), len(times)
        if self._viewport.span is not None:
            high = int(np.searchsorted(times, stop))
            beyond = len(table) and int(table.ids[-1]) >= stop // self.width
            high = min(len(times), high + (0 if beyond else 1))
        if high > low:
            summary = summarise(times[low:high], values[:, low:high], self.width)
            table.add(summary)


def _in_order(times: Times, values: Values, keys: Keys | None) -> tuple[Times, Values, Keys | None]:
    """Return the rows by rising time; rows of one time stay as they came."""
    if not (times[1:] < times[:-1]).any():
        return times, values, keys
    order = np.argsort(times, kind="stable")
    return times[order], values[:, order], None if keys is None else keys[order]
