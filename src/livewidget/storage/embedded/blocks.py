"""A file of blocks by width and time: a partition's levels, and its rows where it is sealed."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from livewidget.data.errors import StoreError
from livewidget.storage.embedded.secret import FILE, Sealer, Secret

MAGIC = b"LWBLK\x00\x00\x01"
_FOOT = struct.Struct("<QI8s")
_INDEX = b"index"


@dataclass(frozen=True, slots=True)
class Block:
    """Where the bytes of some rows are: `width` (ns, 0 for rows as they came), times, place."""

    width: int
    low: int
    high: int
    rows: int
    start: int = 0
    size: int = 0


def pack(blocks: Iterable[tuple[Block, bytes | memoryview]], secret: Secret | None) -> bytes:
    """Return the file of blocks and their bytes."""
    file = os.urandom(FILE)
    sealer = None if secret is None else secret.sealer(file)
    parts: list[bytes | memoryview] = [MAGIC, file]
    at, index = len(MAGIC) + FILE, []
    for n, (block, data) in enumerate(blocks):
        body = data if sealer is None else sealer.seal(data, b"%d" % n)
        parts.append(body)
        index.append([block.width, block.low, block.high, block.rows, at, len(body)])
        at += len(body)
    end = json.dumps(index).encode()
    if sealer is not None:
        end = sealer.seal(end, _INDEX)
    return b"".join([*parts, end, _FOOT.pack(len(end), zlib.crc32(end), MAGIC)])


class Blocks:
    """The blocks of one file. Raises StoreError where it is none; any thread.

    Raises FileNotFoundError where it is not there.
    """

    def __init__(self, path: Path, secret: Secret | None) -> None:
        self.path = path
        with path.open("rb") as file:
            head = file.read(len(MAGIC) + FILE)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _FOOT.size))
            foot = file.read(_FOOT.size)
            if head[: len(MAGIC)] != MAGIC or len(foot) < _FOOT.size or foot[-8:] != MAGIC:
                raise StoreError(f"{path} is damaged: it is no file of blocks")
            length, crc, _ = _FOOT.unpack(foot)
            file.seek(max(0, size - _FOOT.size - length))
            end = file.read(length)
        if zlib.crc32(end) != crc:
            raise StoreError(f"{path} is damaged: its index does not have its checksum")
        self._sealer: Sealer | None = None
        if secret is not None:
            self._sealer = secret.sealer(head[len(MAGIC) :])
            end = self._sealer.unseal(end, _INDEX)
        self.blocks = [Block(*each) for each in json.loads(end)]

    def load(self, place: int) -> bytes:
        """Return the bytes of a block."""
        block = self.blocks[place]
        with self.path.open("rb", buffering=0) as file:
            file.seek(block.start)
            data = file.read(block.size)
        return data if self._sealer is None else self._sealer.unseal(data, b"%d" % place)
