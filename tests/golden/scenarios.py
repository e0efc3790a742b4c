"""What the golden frames tell: short, deterministic histories of one view each."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from livewidget.data.viewport import Viewport
from livewidget.view.view import View
from livewidget.wire.encode import encode_frame, encode_packets
from livewidget.wire.pack import PLAIN, SHUFFLED, pack

S = 1_000_000_000
START = 1_700_000_000 * S
NAMES = ("AAPL", "MSFT", "Zürich £", "late")


def label(key: int) -> str:
    return NAMES[key]


def times(*seconds: float) -> np.ndarray:
    return START + np.array([round(each * S) for each in seconds], dtype=np.int64)


def rows(*columns: list[float]) -> np.ndarray:
    return np.array(columns, dtype=np.float64)


def view_of(*columns: str, width: int = 10, window: int = 10, **options: object) -> View:
    view = View(1, columns, window=window * S, **options)
    view.look(Viewport(width=width), window * S)
    view.rebuild(times(), np.empty((len(columns), 0)))
    return view


class Tape:
    """Records the packets of one view's frames, packed in `forms` by turns."""

    def __init__(self, view: View, limit: int = 2**20, forms: tuple[int | None, ...] = ()) -> None:
        self.view = view
        self.packets: list[bytes] = []
        self._limit = limit
        self._forms = itertools.cycle(forms or (None,))

    def frame(self, **options: object) -> None:
        frame = self.view.frame(label, **options)
        if frame is not None:
            pieces = encode_frame(frame, self._limit)
            tick = len(self.packets) + 1
            for _, packet in encode_packets(tick, pieces, self._limit):
                form = next(self._forms)
                self.packets.append(packet if form is None else pack(packet, form))


def snapshot() -> Tape:
    """One snapshot: two series, a first and a last apart from the extremes."""
    view = view_of("bid", "ask", every=True)
    tape = Tape(view)
    view.append(
        times(0, 0.1, 0.2, 0.3, 1.5, 3.25),
        rows([2, 9, -1.5, 3, 4, 5], [12, 12, 12, 12, 0.1, 1e300]),
    )
    tape.frame(arrival=1_700_000_000_123.5)
    return tape


def diffs() -> Tape:
    """The window moves: trim at the left, the open bucket cut and sent again, new ones."""
    view = view_of("y")
    tape = Tape(view)
    for step in range(40):
        at = step * 0.7
        view.append(times(at, at + 0.2, at + 0.4), rows([step, -step, step / 3]))
        tape.frame(arrival=1_700_000_000_000.0 + step)
    return tape


def late() -> Tape:
    """Late rows: into closed buckets, into holes between them, and many at once."""
    view = view_of("y", "z", width=200, window=100)
    tape = Tape(view)
    view.append(times(*range(0, 90, 2)), rows([1.0] * 45, [2.0] * 45))
    tape.frame()
    view.append(times(4.1, 30.1, 89.9), rows([7, 8, 9], [-7, -8, -9]))
    tape.frame()
    view.append(times(5.0, 61.3), rows([0.5, 0.25], [0, 0]))
    tape.frame()
    view.append(times(*np.arange(1, 89, 0.7)), rows([3.0] * 126, [4.0] * 126))
    tape.frame()
    view.append(times(3.3, 92), rows([11, 12], [13, 14]))
    tape.frame()
    return tape


def keys() -> Tape:
    """A series of each key; a new key begins a generation, and past the bound they share one."""
    view = view_of("price", keyed=True, max_keys=2)
    tape = Tape(view)
    keyed = np.array([0, 0, 2], dtype=np.int32)
    view.append(times(0, 1, 1), rows([1, 2, 3]), keyed)
    tape.frame()
    view.append(times(2, 2), rows([4, 5]), np.array([2, 0], dtype=np.int32))
    tape.frame()
    view.append(times(3, 3, 4), rows([6, 7, 8]), np.array([1, 3, 0], dtype=np.int32))
    tape.frame()
    view.append(times(5, 5, 6), rows([9, 10, 11]), np.array([1, 3, 0], dtype=np.int32))
    tape.frame()
    return tape


def parts() -> Tape:
    """Frames over the limit: one part a series, several packets a frame."""
    view = view_of("a", "b", "c", width=50)
    tape = Tape(view, limit=900)
    steps = np.arange(0, 9, 0.25)
    view.append(times(*steps), np.array([steps % 1.75, -(steps % 3), steps]))
    tape.frame()
    steps = np.arange(9, 16, 0.25)
    view.append(times(*steps), np.array([steps % 1.75, -(steps % 3), steps]))
    tape.frame()
    return tape


def holes() -> Tape:
    """NaN at either end of a bucket and throughout one, and a gap of the source."""
    view = view_of("y", "z", width=100)
    tape = Tape(view)
    none = np.nan
    view.append(
        times(0, 0.01, 0.02, 0.5, 0.51, 1.0),
        rows([none, 1, 2, none, none, 3], [4, 5, none, 6, none, 7]),
    )
    tape.frame()
    view.append(times(4, 4.5), rows([5, 6], [none, 8]), gaps=[START + 4 * S])
    tape.frame()
    view.append(times(4.2), rows([1], [1]))
    tape.frame(snapshot=True)
    return tape


def packed() -> Tape:
    """A slow link: packets are packed in either form; one here and there goes as it is."""
    view = view_of("y", "z", width=100)
    tape = Tape(view, forms=(SHUFFLED, PLAIN, None))
    for step in range(9):
        at = step + np.arange(0, 1, 0.02)
        view.append(times(*at), np.array([np.sin(at), np.round(at % 0.3, 2)]))
        tape.frame(arrival=1_700_000_000_000.0 + step)
    return tape


SCENARIOS: dict[str, Callable[[], Tape]] = {
    each.__name__: each for each in (snapshot, diffs, late, keys, parts, holes, packed)
}
