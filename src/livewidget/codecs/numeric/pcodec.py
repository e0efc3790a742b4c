"""Pcodec (the extra `compress`): bins and offsets by the distribution, deltas and decimals found.

Level 4: levels above gain 3 % in size and cost up to twice the time. The automatic ways find common
factors, and decimals of floats, which may be a third of the bytes; but they look at few values and
now and then miss the differences (40 times the bytes, for a clock with gaps), so that the ways of
a stated order are worth a trial of their own. They are faster by a tenth, too.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.errors import MissingExtraError

LEVEL = 4
ORDERS = 2  # differences of differences; further ones have never been the best


@cache
def installed() -> bool:
    """Whether the package is there."""
    try:
        import pcodec  # noqa: F401
    except ImportError:
        return False
    return True


@cache
def _config(order: int | None) -> Any:
    from pcodec import ChunkConfig, DeltaSpec, ModeSpec

    if order is None:
        return ChunkConfig(compression_level=LEVEL)
    differences = DeltaSpec.try_consecutive(order)
    plain = ModeSpec.classic()
    return ChunkConfig(compression_level=LEVEL, delta_spec=differences, mode_spec=plain)


def encode(values: npt.NDArray[Any], order: int | None = None) -> bytes:
    """Return int64, int32 or float64 values in bytes. The package must be installed.

    With an `order`, as differences of that order and nothing else; pcodec looks by default.
    """
    from pcodec import standalone

    encoded: bytes = standalone.simple_compress(values, _config(order))
    return encoded


def decode(data: bytes | memoryview, dtype: str, size: int) -> npt.NDArray[Any]:
    """Return `size` values. Raises ValueError for bytes that are not such, MissingExtraError."""
    try:
        from pcodec import standalone
    except ImportError:
        raise MissingExtraError("pcodec", "compress") from None
    values = np.empty(size, dtype=dtype)
    try:
        progress = standalone.simple_decompress_into(bytes(data), values)
    except (RuntimeError, TypeError) as error:
        raise ValueError(str(error)) from error
    if progress.n_processed != size or not progress.finished:
        raise ValueError(f"{progress.n_processed:,} values, {size:,} expected")
    return values
