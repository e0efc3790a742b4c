"""How many different values many cells have had, exact for few and sketched for many, mergeable.

HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, 2007) with 4,096 registers and linear counting
for small ranges: a standard error of 1.6 %. A cell keeps the hashes themselves, and counts exactly,
until there are too many of them.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

BITS = 12
REGISTERS = 1 << BITS
MOST_EXACT = 256  # hashes of a cell that are kept, of which half at most are different
_REST = 64 - BITS
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)
_FIRST_WIDTH = 8

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]


def hashes_of(values: npt.NDArray[np.float64]) -> Hashes:
    """Return a hash of each number: uint64[n]; 0.0 and -0.0 have the same (splitmix64's mixer)."""
    bits = (values + 0.0).view(np.uint64)
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@lru_cache(maxsize=1 << 16)
def hash_of(text: str) -> int:
    """Return the hash of a text, the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def blank(cells: int) -> Arrays:
    """Return the sketches of so many cells without a value.

    `hashes`: uint64[cells, width], of which `fill` are taken; `registers`: uint8[cells, 0 or
    REGISTERS]; `full`: whether a cell's values are in those.
    """
    return {
        "hashes": np.zeros((cells, 0), dtype=np.uint64),
        "fill": np.zeros(cells, dtype=np.int64),
        "registers": np.zeros((cells, 0), dtype=np.uint8),
        "full": np.zeros(cells, dtype=bool),
    }


def grown(state: Arrays, cells: int) -> Arrays:
    """Return sketches with room for `cells`; those that are new have no value."""
    more = blank(cells - len(state["fill"]))
    for name in ("hashes", "registers"):
        more[name] = np.zeros((len(more["fill"]), state[name].shape[1]), dtype=state[name].dtype)
    return {name: np.concatenate([own, more[name]]) for name, own in state.items()}


def clear(state: Arrays, cells: Places) -> None:
    """Have some cells be without a value."""
    state["fill"][cells] = 0
    state["full"][cells] = False
    state["registers"][cells] = 0


def add(state: Arrays, cells: Places, hashes: Hashes, counts: Places) -> None:
    """Add hashes, side by side by cell; `cells` has no doubles."""
    if not len(hashes):
        return
    full = state["full"][cells]
    if full.any():
        rows = np.repeat(full, counts)
        _register(state, np.repeat(cells[full], counts[full]), hashes[rows])
        cells, counts, hashes = cells[~full], counts[~full], hashes[~rows]
    owner = np.repeat(np.arange(len(cells)), counts)
    order = np.lexsort((hashes, owner))
    owner, hashes = owner[order], hashes[order]
    fresh = np.append(True, (owner[1:] != owner[:-1]) | (hashes[1:] != hashes[:-1]))[: len(owner)]
    owner, hashes = owner[fresh], hashes[fresh]
    counts = np.bincount(owner, minlength=len(cells))
    over = state["fill"][cells] + counts > MOST_EXACT
    if over.any():
        _shrink(state, cells[over])
        over = state["full"][cells] | (state["fill"][cells] + counts > MOST_EXACT)
    if over.any():
        _fill_up(state, cells[over])
        rows = over[owner]
        _register(state, cells[owner[rows]], hashes[rows])
        owner, hashes = owner[~rows], hashes[~rows]
        counts = np.where(over, 0, counts)
    if len(hashes):
        _append(state, cells, owner, hashes, counts)


def merge(state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
    """Add the cells `others` of other sketches to `cells` of these; both have no doubles."""
    full = other["full"][others]
    if full.any():
        _fill_up(state, cells[full])
        own = state["registers"][cells[full]]
        state["registers"][cells[full]] = np.maximum(own, other["registers"][others[full]])
    plain, mine = others[~full], cells[~full]
    if len(plain):
        there = np.arange(other["hashes"].shape[1]) < other["fill"][plain][:, None]
        add(state, mine, other["hashes"][plain][there], other["fill"][plain])


def count(state: Arrays, cells: Places) -> Floats:
    """Return how many different values each cell has had."""
    found = np.zeros(len(cells))
    full = state["full"][cells]
    if (~full).any():
        found[~full] = _different(state, cells[~full])
    if full.any():
        found[full] = _estimate(state["registers"][cells[full]])
    return found


def _estimate(registers: npt.NDArray[np.uint8]) -> Floats:
    raw = _ALPHA * REGISTERS**2 / np.exp2(-registers.astype(np.float64)).sum(axis=1)
    empty = (registers == 0).sum(axis=1)
    linear = REGISTERS * np.log(REGISTERS / np.maximum(empty, 1))
    found: Floats = np.rint(np.where((raw <= 2.5 * REGISTERS) & (empty > 0), linear, raw))
    return found


def _rows_of(state: Arrays, cells: Places) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Return the hashes of cells, sorted, and which of them are the first of their value."""
    fill = state["fill"][cells]
    width = int(fill.max(initial=0))
    top = np.iinfo(np.uint64).max
    hashes = state["hashes"][cells, :width]
    hashes[np.arange(width) >= fill[:, None]] = top
    hashes.sort(axis=1)
    first = np.ones(hashes.shape, dtype=bool)
    first[:, 1:] = hashes[:, 1:] != hashes[:, :-1]
    return hashes, first & (np.arange(width) < fill[:, None])


def _different(state: Arrays, cells: Places) -> Places:
    found: Places = _rows_of(state, cells)[1].sum(axis=1)
    return found


def _shrink(state: Arrays, cells: Places) -> None:
    """Keep one of each hash; cells that still have many go over to registers."""
    hashes, first = _rows_of(state, cells)
    counts = first.sum(axis=1)
    at = np.nonzero(first)
    place = (np.cumsum(first, axis=1) - 1)[at]
    state["hashes"][cells[at[0]], place] = hashes[at]
    state["fill"][cells] = counts
    many = counts > MOST_EXACT // 2
    if many.any():
        _fill_up(state, cells[many])


def _fill_up(state: Arrays, cells: Places) -> None:
    """Have cells count by registers from now on."""
    if not state["registers"].shape[1]:
        state["registers"] = np.zeros((len(state["fill"]), REGISTERS), dtype=np.uint8)
    cells = cells[~state["full"][cells]]
    there = np.arange(state["hashes"].shape[1]) < state["fill"][cells][:, None]
    owners = np.repeat(cells, state["fill"][cells])
    hashes = state["hashes"][cells][there]
    state["full"][cells], state["fill"][cells] = True, 0
    _register(state, owners, hashes)


def _register(state: Arrays, cells: Places, hashes: Hashes) -> None:
    place = (hashes >> np.uint64(_REST)).astype(np.intp) + cells * REGISTERS
    rest = hashes & np.uint64((1 << _REST) - 1)
    rank = (_REST + 1 - np.frexp(rest.astype(np.float64))[1]).astype(np.uint8)
    np.maximum.at(state["registers"].reshape(-1), place, rank)


def _append(state: Arrays, cells: Places, owner: Places, hashes: Hashes, counts: Places) -> None:
    fill = state["fill"][cells]
    needed = int((fill + counts).max())
    width = state["hashes"].shape[1]
    if needed > width:
        wider = max(_FIRST_WIDTH, width)
        while wider < needed:
            wider *= 2
        room = np.zeros((len(state["fill"]), wider), dtype=np.uint64)
        room[:, :width] = state["hashes"]
        state["hashes"] = room
    begins = np.cumsum(counts) - counts
    place = np.arange(len(hashes)) - begins[owner] + fill[owner]
    state["hashes"][cells[owner], place] = hashes
    state["fill"][cells] += counts
