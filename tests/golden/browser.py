"""A slow browser: packets read by the tables of `wire/layout.md`, arrays kept as lists."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field

Point = tuple[float, float]


@dataclass
class Section:
    series: int
    trim: int
    cut: int
    patches: list[tuple[int, int, int]]
    append: int
    points: list[Point]


@dataclass
class Part:
    chart: int
    generation: int
    sequence: int
    base: int
    snapshot: bool
    follow: bool
    part: int
    parts: int
    viewport: int
    origin: int
    start: float
    stop: float
    arrival: float
    meta: dict[str, object] | None
    sections: list[Section]
    size: int = 0


def u16(data: bytes, at: int) -> int:
    return struct.unpack_from("<H", data, at)[0]


def u32(data: bytes, at: int) -> int:
    return struct.unpack_from("<I", data, at)[0]


def f64(data: bytes, at: int) -> float:
    return struct.unpack_from("<d", data, at)[0]


def opened(packet: bytes) -> bytes:
    """The plain packet in a packed one, and a plain one as it is."""
    if u32(packet, 0) != 0x315A574C:
        return packet
    form, size, end = (u32(packet, at) for at in (4, 8, 12))
    assert form in (0, 1)
    assert size % 8 == 0
    assert end == len(packet) < size <= 2**20
    stream = zlib.decompressobj(-15)
    plain = stream.decompress(packet[16:])
    assert stream.eof
    assert not stream.unused_data
    assert len(plain) == size
    words = size // 8
    order = [byte * words + word for word in range(words) for byte in range(8)]
    return bytes(plain[at] for at in order) if form else plain


def read_packet(packet: bytes) -> tuple[int, list[Part]]:
    """The tick and the frames of a packet; asserts all that the layout promises of it."""
    packet = opened(packet)
    assert u32(packet, 0) == 0x3150574C
    assert u32(packet, 12) == len(packet)
    frames, at = [], 16
    for _ in range(u32(packet, 8)):
        size = u32(packet, at)
        assert size % 8 == 0
        frames.append(read_frame(packet[at : at + size]))
        at += size
    assert at == len(packet)
    return u32(packet, 4), frames


def read_frame(data: bytes) -> Part:
    flags, meta_bytes = u16(data, 20), u32(data, 32)
    assert u32(data, 36) == 0
    meta = json.loads(data[72 : 72 + meta_bytes].decode()) if meta_bytes else None
    at = 72 + -(-meta_bytes // 8) * 8
    assert not any(data[72 + meta_bytes : at])
    sections = []
    for _ in range(u16(data, 22)):
        section, at = read_section(data, at)
        sections.append(section)
    assert at == len(data)
    return Part(
        chart=u32(data, 4),
        generation=u32(data, 8),
        sequence=u32(data, 12),
        base=u32(data, 16),
        snapshot=bool(flags & 1),
        follow=bool(flags & 2),
        part=u16(data, 24),
        parts=u16(data, 26),
        viewport=u32(data, 28),
        origin=struct.unpack_from("<q", data, 40)[0],
        start=f64(data, 48),
        stop=f64(data, 56),
        arrival=f64(data, 64),
        meta=meta,
        sections=sections,
        size=len(data),
    )


def read_section(data: bytes, at: int) -> tuple[Section, int]:
    series, trim, cut, count, append, zero = (u32(data, at + 4 * i) for i in range(6))
    assert zero == 0
    at += 24
    patches = []
    for _ in range(count):
        patches.append((u32(data, at), u32(data, at + 4), u32(data, at + 8)))
        at += 16
    size = append + sum(insert for _, _, insert in patches)
    x = [f64(data, at + 8 * i) for i in range(size)]
    at += 8 * size
    y = [f64(data, at + 8 * i) for i in range(size)]
    at += 8 * size
    points = list(zip(x, y, strict=True))
    return Section(series, trim, cut, patches, append, points), at


@dataclass
class Store:
    """What a browser holds of one chart."""

    generation: int = 0
    sequence: int = 0
    needs_snapshot: bool = False
    origin: int = 0
    names: list[str] = field(default_factory=list)
    series: list[list[Point]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def take(self, part: Part) -> None:
        """Take one part by the rule at the end of the layout's page."""
        if part.sequence <= self.sequence:
            return
        fits = part.generation == self.generation and part.base == self.sequence
        if part.part == 0:
            self.parts = []
        complete = part.part == len(self.parts) and all(
            each.sequence == part.sequence for each in self.parts
        )
        if not (part.snapshot or fits) or not complete:
            self.parts, self.needs_snapshot = [], True
            return
        self.parts.append(part)
        if len(self.parts) == part.parts:
            self._apply(self.parts)
            self.parts = []

    def _apply(self, parts: list[Part]) -> None:
        head = parts[0]
        if head.snapshot:
            assert head.meta is not None
            self.names = [each["name"] for each in head.meta["series"]]
            self.series = [[] for _ in self.names]
            self.needs_snapshot = False
            self.origin = head.origin
        assert self.origin == head.origin
        for section in (section for part in parts for section in part.sections):
            self._change(self.series[section.series], section)
        self.generation, self.sequence = head.generation, head.sequence

    @staticmethod
    def _change(points: list[Point], section: Section) -> None:
        assert section.trim <= len(points)
        del points[: section.trim]
        new = list(section.points)
        for start, remove, insert in section.patches:
            assert start + remove <= len(points)
            points[start : start + remove] = new[:insert]
            del new[:insert]
        assert section.cut <= len(points)
        del points[len(points) - section.cut :]
        assert len(new) == section.append
        points += new

    def dump(self, chart: int) -> bytes:
        """The arrays in the bytes that `apply-frames.mjs` writes of them."""
        head = (chart, self.generation, self.sequence, int(self.needs_snapshot), len(self.series))
        pieces = [struct.pack("<5I", *head)]
        for points in self.series:
            pieces.append(struct.pack("<I", len(points)))
            pieces += [struct.pack(f"<{len(points)}d", *column) for column in columns(points)]
        return b"".join(pieces)


def columns(points: list[Point]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


class Page:
    """All charts of one page."""

    def __init__(self) -> None:
        self.stores: dict[int, Store] = {}

    def take(self, packet: bytes) -> None:
        for part in read_packet(packet)[1]:
            self.stores.setdefault(part.chart, Store()).take(part)

    def dump(self) -> bytes:
        return b"".join(store.dump(chart) for chart, store in sorted(self.stores.items()))
