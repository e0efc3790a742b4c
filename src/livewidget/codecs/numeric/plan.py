"""Which codec packs a column: tried on a sample, then applied to the whole."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.codecs.numeric import delta, pcodec, quantised, steady, xor
from livewidget.codecs.numeric.reading import Reader

Values = npt.NDArray[Any]
Encoder = Callable[[Values], bytes]

INNER = ("raw", "steady", "delta", "pcodec", "xor")  # codecs of a grid's integers, by number
# Codecs of int64, or of a float's bits; the quickest first, which has the ties.
OWN: dict[str, Encoder] = {"steady": steady.encode, "xor": xor.encode, "delta": delta.encode}
DECODERS = {"steady": steady.decode, "xor": xor.decode, "delta": delta.decode}
# Pcodec by differences of a stated order, and as it chooses itself.
PCODEC: dict[str, Encoder] = {
    **{f"pcodec-{n}": partial(pcodec.encode, order=n) for n in range(pcodec.ORDERS + 1)},
    "pcodec": pcodec.encode,
}

SAMPLE = 8192  # values: the tables that a column pays once are an eighth of their weight by then
_RARE = 1024  # one step of its own in so many, and nothing else is as small
_GAIN = 0.99  # a slower codec is taken for so much of the quicker one's bytes, or less
_NEAR, _HEADS = 1.2, 100  # times the least in the sample, and bytes: may be the least in the whole
_GRID = struct.Struct("<dBI")  # divisor, codec of the integers, values kept as they are


@dataclass(frozen=True, slots=True)
class Plan:
    """An encoder; for "quantised" also the divisor of the grid and the encoder of its integers."""

    encoder: str
    divisor: float = 1.0
    inner: str = "raw"


RAW = Plan("raw")


def choose(values: Values, tolerance: float | None = None, *, thorough: bool = False) -> Plan:
    """Return the plan for a column of int64, int32 or float64 by a sample from its middle.

    Thorough: what does nearly as well there is then tried on the whole. A walk looks like mere
    noise in a short sample; to find out costs as much as packing the column five to ten times.
    """
    sample = _middle(values)
    if not len(sample):
        return RAW
    looked_at = values if thorough else sample
    if _is_steady(_as_bits(looked_at), steady.step_of(_as_bits(sample))):
        return Plan("steady")
    if values.dtype == np.float64:
        for divisor in quantised.divisors(sample, tolerance):
            gridded = quantised.to_grid(looked_at, divisor, tolerance)
            if gridded is not None:
                return Plan("quantised", divisor, _smallest(gridded.integers))
    return Plan(_smallest(looked_at))


def _smallest(values: Values) -> str:
    """Return the encoder of the fewest bytes; a slower one must save some to be taken."""
    families = [OWN, PCODEC] if pcodec.installed() else [OWN]
    sizes = _sizes(_middle(values), itertools.chain(["raw"], *families))
    if len(values) > SAMPLE:
        enough = min(sizes.values()) * _NEAR + _HEADS
        # A sample without the rare event flatters one family: the best of each is tried as well.
        firsts = [min(family, key=sizes.__getitem__) for family in families]
        sizes = _sizes(values, [name for name in sizes if sizes[name] <= enough or name in firsts])
    best = next(iter(sizes))
    for name, size in sizes.items():
        if size < sizes[best] * _GAIN:
            best = name
    return best


def encode(values: Values, plan: Plan, tolerance: float | None = None) -> tuple[str, bytes]:
    """Return the codec that was used and the bytes: raw where the plan's would take more."""
    encoder, data = plan.encoder, None
    if encoder == "quantised":
        data = _grid(values, plan, tolerance)
        if data is None:  # the grid of the sample does not serve the whole
            encoder = "pcodec" if pcodec.installed() else "xor"
    if data is None:
        data = _encode(values, encoder)
    return (_codec(encoder), data) if len(data) < values.nbytes else ("raw", values.tobytes())


def decode(codec: str, data: bytes | memoryview, dtype: str, size: int) -> Values:
    """Return the values. Raises ValueError for bytes that are not such."""
    if codec == "raw":
        if len(data) != size * np.dtype(dtype).itemsize:
            raise ValueError(f"{len(data):,} bytes are not {size:,} values")
        return np.frombuffer(data, dtype=dtype)
    if codec == "pcodec":
        return pcodec.decode(data, dtype, size)
    if codec == "quantised":
        return _read_grid(data, size)
    if codec not in DECODERS:
        raise ValueError(f"an unknown codec {codec!r}")
    bits = DECODERS[codec](data, size)
    return bits.astype(np.int32) if dtype == "<i4" else bits.view(dtype)


def _encode(values: Values, encoder: str) -> bytes:
    if encoder == "raw":
        return values.tobytes()
    return OWN[encoder](_as_bits(values)) if encoder in OWN else PCODEC[encoder](values)


def _codec(encoder: str) -> str:
    return encoder.partition("-")[0]


def _grid(values: Values, plan: Plan, tolerance: float | None) -> bytes | None:
    gridded = quantised.to_grid(values, plan.divisor, tolerance)
    if gridded is None:
        return None
    inner = _encode(gridded.integers, plan.inner)
    head = _GRID.pack(plan.divisor, INNER.index(_codec(plan.inner)), len(gridded.places))
    return head + gridded.places.tobytes() + gridded.bits.tobytes() + inner


def _read_grid(data: bytes | memoryview, size: int) -> Values:
    reader = Reader(data)
    divisor, inner, count = _GRID.unpack(reader.take("u1", _GRID.size).data)
    if inner >= len(INNER) or not 0 < divisor < np.inf:
        raise ValueError("a grid that cannot be")
    places, bits = reader.take("<u4", count), reader.take("<i8", count)
    integers = decode(INNER[inner], reader.rest(), "<i8", size)
    return quantised.from_grid(quantised.Gridded(integers, places, bits), divisor)


def _middle(values: Values) -> Values:
    start = max(0, len(values) - SAMPLE) // 2
    return values[start : start + SAMPLE]


def _sizes(values: Values, encoders: Iterable[str]) -> dict[str, int]:
    return {name: len(_encode(values, name)) for name in encoders}


def _as_bits(values: Values) -> delta.Ints:
    return values.astype(np.int64) if values.dtype == np.int32 else values.view(np.int64)


def _is_steady(bits: delta.Ints, step: np.uint64) -> bool:
    return len(steady.exceptions(bits, step)) * _RARE <= len(bits)
