"""What appended rows add to a tree: chunks, and the groups that they fill, with their levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from livewidget.data.batch import Batch, concat
from livewidget.sketches.outstanding import in_order, stand_for
from livewidget.sketches.pyramid import pyramid
from livewidget.storage.blob import dump
from livewidget.storage.tree import CHUNK, SIZES, Key, Node, Tree

CHUNK_MOST = 1 << 13  # rows of a chunk that stays: the edges of a range read as many in vain
# Times fewer rows a level has than the one below. Buckets twice as wide have a little more than
# half of the rows, and are worth it: for 2,000 points some 30,000 rows are read at most.
FINE = 1.8
TOP_ROWS = 48_000  # at the narrowest level of a group of groups: what is read for a part of it
Fetch = Callable[[Sequence[Key]], Sequence[Batch]]  # the batches of those keys that are there


@dataclass(slots=True)
class Growth:
    """The nodes to add, and the bytes and batches of their keys."""

    nodes: list[Node] = field(default_factory=list)
    blobs: dict[Key, bytes] = field(default_factory=dict)
    batches: dict[Key, Batch] = field(default_factory=dict)


def grow(tree: Tree, batch: Batch, first: int, fetch: Fetch, by: str | None) -> Growth:
    """Return what rows `first` and on add to a tree, which does not change. No rows, no nodes.

    Where chunks do not stay they have no bytes; the group has those of all its rows, at width 0.
    """
    grown = Growth()
    done = 0
    while done < len(batch):
        room = SIZES[0] - (first + done) % SIZES[0]
        size = min(room, CHUNK_MOST) if tree.chunks_stay else room
        piece = in_order(batch.take(slice(done, done + size)))
        node = Node(CHUNK, first + done, len(piece), *_edges(piece))
        _put(grown, node, {0: piece}, packed=tree.chunks_stay)
        done += len(piece)
        if len(piece) == room:
            _close(grown, tree, (first + done) // SIZES[0] - 1, fetch, by)
    return grown


def _edges(batch: Batch) -> tuple[int, int]:
    return int(batch.times[0]), int(batch.times[-1])


def _put(grown: Growth, node: Node, levels: dict[int, Batch], *, packed: bool = True) -> None:
    """Add a node with the batches of its widths, from the narrowest."""
    nbytes = 0
    for width, batch in levels.items():
        key = (node.tier, node.first, width)
        grown.batches[key] = batch
        if packed:
            grown.blobs[key] = dump(batch)
            nbytes += len(grown.blobs[key])
    sizes = tuple((width, len(batch)) for width, batch in levels.items() if width)
    grown.nodes.append(Node(node.tier, node.first, node.rows, node.low, node.high, nbytes, sizes))


def _close(grown: Growth, tree: Tree, place: int, fetch: Fetch, by: str | None) -> None:
    """Add the group at a place, which is full now, and the larger ones that it fills."""
    new = [node for node in grown.nodes if node.tier == CHUNK]
    parts = [*tree.inside(place), *(it for it in new if it.first // SIZES[0] == place)]
    whole = _joined(grown, [(CHUNK, node.first, 0) for node in parts], fetch)
    first = place * SIZES[0]
    node = Node(0, first, SIZES[0], min(n.low for n in parts), max(n.high for n in parts))
    levels = {} if whole is None else pyramid(whole, by, FINE)
    if whole is not None and not tree.chunks_stay:
        levels = {0: whole, **levels}
    _put(grown, node, levels)
    for tier in range(1, len(SIZES)):
        if (first + SIZES[0]) % SIZES[tier]:
            return
        _close_above(grown, tree, tier, (first + SIZES[0]) // SIZES[tier] - 1, fetch, by)


def _close_above(
    grown: Growth, tree: Tree, tier: int, place: int, fetch: Fetch, by: str | None
) -> None:
    ratio = SIZES[tier] // SIZES[tier - 1]
    groups = {(it.tier, it.first // SIZES[it.tier]): it for it in grown.nodes if it.tier != CHUNK}
    places = [(tier - 1, child) for child in range(place * ratio, (place + 1) * ratio)]
    found = [groups.get(each) or tree.groups.get(each) for each in places]
    children = [child for child in found if child is not None]
    if len(children) < ratio:
        return  # its levels would pass over rows that are in no full group
    rung, levels = _rung(children, TOP_ROWS), {}
    if rung:
        keys = [(it.tier, it.first, _serving(it, rung)) for it in children]
        whole = _joined(grown, keys, fetch)
        if whole is not None:
            base = stand_for(whole, rung, by)
            levels = {rung: base} | pyramid(base, by, FINE)
    low, high = min(it.low for it in children), max(it.high for it in children)
    _put(grown, Node(tier, place * SIZES[tier], SIZES[tier], low, high), levels)


def _rung(children: list[Node], most: int) -> int:
    """Return the narrowest width that all have a level for, of at most so many rows; 0 for none."""
    for rung in sorted({width for node in children for width, _ in node.levels}):
        rows = [dict(node.levels).get(_serving(node, rung)) for node in children]
        if None not in rows and sum(each or 0 for each in rows) <= most:
            return rung
    return 0


def _serving(node: Node, rung: int) -> int:
    return max((width for width, _ in node.levels if width <= rung), default=0)


def _joined(grown: Growth, keys: Sequence[Key], fetch: Fetch) -> Batch | None:
    """Return the rows of all keys by rising time; None where one of them is gone."""
    here = {key: grown.batches[key] for key in keys if key in grown.batches}
    rest = [key for key in keys if key not in here]
    batches = fetch(rest) if rest else []
    if len(batches) != len(rest):
        return None
    here |= dict(zip(rest, batches, strict=True))
    return in_order(concat([here[key] for key in keys]))
