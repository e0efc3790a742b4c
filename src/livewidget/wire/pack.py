"""Packets made smaller without loss, as `layout.md` says, for a link that is slow."""

from __future__ import annotations

import struct
import time
import zlib

import numpy as np

from livewidget.wire.encode import LIMIT

MAGIC = 0x315A574C
PLAIN, SHUFFLED = 0, 1
LEAST = 256  # bytes: a smaller packet is little beside the message that carries it
ENVELOPE = 1000  # bytes of a message beside its packet: they are not compressed
SAMPLED = 32  # packets of which one is tried in each form
MOST_SAMPLED = 2**16  # bytes of it
REMEMBERED = 0.7  # of the ratio, by what was seen before the last packet
LEVEL = 1  # of zlib: the higher ones cost up to three times as much and save a hundredth more

_HEADER = struct.Struct("<4I")


def pack(packet: bytes, form: int) -> bytes:
    """Return the packet compressed: PLAIN as it is, SHUFFLED with like bytes of its words together.

    A packet that would not be smaller, or is larger than `LIMIT`, comes back as it is.
    """
    if not LEAST <= len(packet) <= LIMIT:
        return packet
    deflate = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
    body = deflate.compress(_shuffled(packet) if form == SHUFFLED else packet) + deflate.flush()
    size = _HEADER.size + len(body)
    if size >= len(packet):
        return packet
    return _HEADER.pack(MAGIC, form, len(packet), size) + body


class Packer:
    """Compresses packets while it is `on`, in the form that suits them. One thread's.

    Noise is smaller shuffled, and rounded values are as they are: now and then, on or off, a
    packet is tried in both forms. `ratio` is of messages after to before, envelopes included.
    `before` and `after` count the bytes of all packets; `seconds` is the CPU time it took.
    """

    def __init__(self) -> None:
        self.on = False
        self.before = self.after = 0
        self.seconds = 0.0
        self.ratio: float | None = None
        self._form = SHUFFLED
        self._count = 0

    def __call__(self, packet: bytes) -> bytes:
        """Return what is to be sent for a packet."""
        begun = time.thread_time()
        if self._count % SAMPLED == 0:
            self._try(packet[:MOST_SAMPLED])
        self._count += 1
        sent = packet
        if self.on:
            sent = pack(packet, self._form)
            self._note(len(packet), len(sent))
        self.before += len(packet)
        self.after += len(sent)
        self.seconds += time.thread_time() - begun
        return sent

    def _try(self, sample: bytes) -> None:
        sizes = {form: len(pack(sample, form)) for form in (SHUFFLED, PLAIN)}
        self._form = min(sizes, key=sizes.__getitem__)
        if not self.on:
            self._note(len(sample), sizes[self._form])

    def _note(self, before: int, after: int) -> None:
        ratio = (after + ENVELOPE) / (before + ENVELOPE)
        known = ratio if self.ratio is None else self.ratio
        self.ratio = REMEMBERED * known + (1 - REMEMBERED) * ratio


def _shuffled(packet: bytes) -> bytes:
    """Return the first byte of each word of eight, then the second of each, and so on."""
    return np.frombuffer(packet, np.uint8).reshape(-1, 8).T.tobytes()
