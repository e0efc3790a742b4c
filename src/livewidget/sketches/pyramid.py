"""Levels of one closed part: what stands for it at wider and wider buckets."""

from __future__ import annotations

from livewidget.data.batch import Batch, concat
from livewidget.sketches.ladder import LADDER, serves
from livewidget.sketches.outstanding import cut, stand_for

SAVES = 4  # times fewer rows than the level below: less is not worth a level


def pyramid(batch: Batch, by: str | None = None, saves: float = SAVES) -> dict[int, Batch]:
    """Return the levels of a batch by rising time: width in ns to the rows that stand for it.

    From the narrowest rung that has `saves` times fewer rows, each level from the one below; none
    where nothing saves.
    """
    levels: dict[int, Batch] = {}
    if len(batch) < 2 * saves:
        return levels
    span = int(batch.times[-1] - batch.times[0])
    below = batch
    for width in LADDER:
        # A bucket stands for two rows at least, so narrower ones cannot save enough.
        if width * len(below) < 2 * saves * span:
            continue
        level = stand_for(below, width, by)
        if saves * len(level) <= len(below):
            levels[width] = below = level
        if width > span:
            break
    return levels


def pick(levels: dict[int, Batch], whole: Batch, start: int, stop: int, width: int) -> Batch:
    """Return the fewest rows of a part that answer for [start, stop) at `width` (0: all).

    A level serves whole buckets only: at the edges of the range its rows come from `whole`, which
    is by rising time too. The answer is to be joined with those of other parts and chosen from
    again, see `outstanding.join`.
    """
    rung = max((each for each in levels if serves(each, width)), default=0)
    low, high = -(-start // max(1, rung)) * rung, stop // max(1, rung) * rung
    if not rung or low >= high:
        return cut(whole, start, stop)
    edges = cut(whole, start, low), cut(levels[rung], low, high), cut(whole, high, stop)
    pieces = [piece for piece in edges if len(piece)]
    return concat(pieces) if pieces else whole.take(slice(0, 0))
