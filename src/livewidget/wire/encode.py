"""Frames to packets, as `layout.md` says. Fields stand here in the order of its tables."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence

from livewidget.data.frame import Frame, SeriesDiff

MAGIC = 0x3150574C
LIMIT = 2**20  # bytes: what every host's message limit lets pass
SNAPSHOT, FOLLOW = 1, 2

_PACKET = struct.Struct("<4I")
_FRAME = struct.Struct("<5I4H3Iq3d")
_SECTION = struct.Struct("<6I")
_PATCH = struct.Struct("<4I")


def encode_frame(frame: Frame, limit: int = LIMIT) -> list[bytes]:
    """Return the frame as one piece, or split by series into parts of at most `limit` bytes.

    A series that alone is larger makes a part of its own.
    """
    limit -= _PACKET.size + 7  # a packet's header and the padding of the meta text go with it
    meta = _meta(frame) if frame.snapshot else b""
    groups: list[list[bytes]] = [[]]
    size = _FRAME.size + len(meta)
    for section in map(_section, frame.series):
        if groups[-1] and size + len(section) > limit:
            groups.append([])
            size = _FRAME.size
        groups[-1].append(section)
        size += len(section)
    return [
        _piece(frame, group, meta if part == 0 else b"", part, len(groups))
        for part, group in enumerate(groups)
    ]


def encode_packets(
    first_tick: int, pieces: Sequence[bytes], limit: int = LIMIT
) -> Iterator[tuple[int, bytes]]:
    """Yield (tick, packet) for encoded frames, as many packets as `limit` asks for."""
    tick, held, size = first_tick, list[bytes](), _PACKET.size
    for piece in pieces:
        if held and size + len(piece) > limit:
            yield tick, _packet(tick, held, size)
            tick, held, size = tick + 1, [], _PACKET.size
        held.append(piece)
        size += len(piece)
    if held:
        yield tick, _packet(tick, held, size)


def _packet(tick: int, pieces: list[bytes], size: int) -> bytes:
    return b"".join([_PACKET.pack(MAGIC, tick & 0xFFFFFFFF, len(pieces), size), *pieces])


def _piece(frame: Frame, sections: list[bytes], meta: bytes, part: int, parts: int) -> bytes:
    flags = (SNAPSHOT if frame.snapshot else 0) | (FOLLOW if frame.follow else 0)
    padding = b"\0" * (-len(meta) % 8)
    size = _FRAME.size + len(meta) + len(padding) + sum(map(len, sections))
    header = _FRAME.pack(
        size,
        frame.chart,
        frame.generation,
        frame.sequence,
        frame.base,
        flags,
        len(sections),
        part,
        parts,
        frame.viewport,
        len(meta),
        0,
        frame.origin,
        frame.start,
        frame.stop,
        frame.arrival,
    )
    return b"".join([header, meta, padding, *sections])


def _meta(frame: Frame) -> bytes:
    """Return the meta text; half a surrogate pair, which a JSON feed may hold, becomes "?"."""
    return json.dumps(frame.meta, ensure_ascii=False).encode(errors="replace")


def _section(diff: SeriesDiff) -> bytes:
    header = _SECTION.pack(diff.series, diff.trim, diff.cut, len(diff.patches), diff.append, 0)
    patches = [_PATCH.pack(start, remove, insert, 0) for start, remove, insert in diff.patches]
    x, y = (column.astype("<f8", copy=False).tobytes() for column in (diff.x, diff.y))
    return b"".join([header, *patches, x, y])
