"""Numbers come back to the bit, or within the tolerance; damaged bytes are refused."""

import contextlib
import tracemalloc
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.codecs.numeric import delta, pcodec, quantised, steady, xor
from livewidget.codecs.numeric.packed import MOST_VALUES, Packed, pack, unpack
from livewidget.codecs.numeric.plan import INNER, OWN, PCODEC, Plan, decode, encode

# A float's bits that are easily lost: -0.0, NaNs that say something, infinities, the least float.
BITS = (-(2**63), 0x7FF8_0000_0000_0001, -1, 0x7FF0 << 48, -(0x10 << 48), 1, 2**63 - 1)
ints = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(BITS)
some = st.lists(ints, max_size=70) | st.lists(st.integers(-9, 9), max_size=600)
RAMP = np.arange(2_000, dtype=np.int64)


@pytest.mark.parametrize("extra", [True, False], ids=["pcodec", "without pcodec"])
@pytest.mark.parametrize("dtype", ["<i8", "<f8", "<i4"])
@settings(deadline=None, max_examples=60)
@given(few=some)
def test_any_bits_come_back(extra, dtype, few):
    values = np.array(few, dtype=np.int64).view(dtype)
    with pytest.MonkeyPatch.context() as patch:
        if not extra:
            patch.setattr(pcodec, "installed", lambda: False)
        packed = pack(values)
    back = unpack(packed)
    assert back.dtype == dtype
    assert back.tobytes() == values.tobytes()


@pytest.mark.parametrize("codec", [delta, steady, xor])
@settings(deadline=None, max_examples=100)
@given(few=st.lists(ints | st.integers(-9, 9), max_size=600), noise=st.binary(max_size=60))
def test_each_codec_alone(codec, few, noise):
    values = np.array(few, dtype=np.int64)
    encoded = codec.encode(values)
    assert codec.decode(encoded, len(values)).tolist() == few
    for wrong in (noise, noise + encoded, encoded[: len(noise)] + noise):
        with contextlib.suppress(ValueError):
            assert len(codec.decode(wrong, len(values))) == len(values)


@pytest.mark.parametrize("dtype", ["<i8", "<f8", "<i4"])
@pytest.mark.parametrize("encoder", ["raw", *OWN, *PCODEC])
@settings(deadline=None, max_examples=25)
@given(few=some)
def test_each_plan_gives_all_bits_back(encoder, dtype, few):
    values = np.array(few, dtype=np.int64).view(dtype)
    codec, data = encode(values, Plan(encoder))
    assert codec in (encoder.partition("-")[0], "raw")
    assert decode(codec, data, dtype, len(values)).tobytes() == values.tobytes()


@pytest.mark.parametrize("inner", ["raw", *OWN, *PCODEC])
@settings(deadline=None, max_examples=25)
@given(
    few=st.lists(st.integers(-(2**40), 2**40), max_size=300),
    odd=some,
    divisor=st.sampled_from([1.0, 100.0, 1e9, 0.3, 1e-300, 1e300]),
)
def test_each_grid_gives_all_bits_back(inner, few, odd, divisor):
    """Most values on the grid and some not: all come back without a tolerance."""
    with np.errstate(over="ignore"):
        grid = np.array(few * 8) / divisor
    values = np.concatenate([grid, np.array(odd, dtype="<i8").view("<f8")])
    codec, data = encode(values, Plan("quantised", divisor, inner))
    assert decode(codec, data, "<f8", len(values)).tobytes() == values.tobytes()


@pytest.mark.parametrize("codec", [*INNER, "quantised"])
@settings(deadline=None, max_examples=80)
@given(few=some, how=st.data())
def test_bytes_that_are_not_a_codecs_are_refused_or_give_as_many_values(codec, few, how):
    """Behind the checksum, too: bytes that another program wrote and sealed are no danger."""
    values = np.array(few, dtype=np.int64)
    if codec == "quantised":
        values = values / 100
    inner = how.draw(st.sampled_from(INNER))
    _, data = encode(values, Plan(codec, 100.0, inner), 0.01)
    bad = bytearray(data)
    for _ in range(how.draw(st.integers(1, 3))):
        if bad:
            bad[how.draw(st.integers(0, min(len(bad), 60) - 1))] = how.draw(st.integers(0, 255))
    cut = how.draw(st.integers(0, len(bad)))
    for wrong in (bytes(bad), bytes(bad[:cut]), bytes(bad) + b"?", how.draw(st.binary())):
        for size in (len(values), how.draw(st.integers(0, 2_000))):
            with contextlib.suppress(ValueError):
                assert len(decode(codec, wrong, values.dtype.str, size)) == size


@pytest.mark.parametrize("codec", [*INNER, "quantised", "another"])
@pytest.mark.parametrize("size", [-1, MOST_VALUES, MOST_VALUES + 1, 1 << 60])
def test_a_size_that_cannot_be_is_refused_before_memory_is_taken(codec, size):
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"cannot be|damaged"):
        unpack(Packed(codec, "<i8", size, b"1234567890" * 9))
    if size == MOST_VALUES:
        with pytest.raises(ValueError, match=r"."):
            decode(codec, b"\xff" * 90, "<f8", size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * MOST_VALUES


@settings(deadline=None, max_examples=120)
@given(
    few=st.lists(st.floats(-1e6, 1e6) | st.floats(), max_size=100),
    tolerance=st.floats(0, 1e9) | st.sampled_from([0.001, 0.5]),
)
def test_the_tolerance_holds(few, tolerance):
    values = np.array(few + [n / 1000 for n in range(200)])
    back = unpack(pack(values, tolerance=tolerance))
    finite = np.isfinite(values)
    assert back[~finite].tobytes() == values[~finite].tobytes()
    for a, b in zip(back[finite].tolist(), values[finite].tolist(), strict=True):
        assert abs(Fraction(a) - Fraction(b)) <= Fraction(tolerance)


@pytest.mark.parametrize(
    "values", [RAMP, RAMP / 100, np.sin(RAMP), (RAMP % 7).astype(np.int32)], ids=str
)
def test_damaged_bytes_are_refused(values):
    packed = pack(values)
    assert unpack(packed).tobytes() == values.tobytes()
    for at in range(0, packed.nbytes, max(1, packed.nbytes // 100)):
        flipped = bytearray(packed.data)
        flipped[at] ^= 1
        for wrong in (bytes(flipped), packed.data[:at]):
            with pytest.raises(ValueError, match="damaged"):
                unpack(replace(packed, data=wrong))


@pytest.mark.parametrize("divisor", [1.0, 10.0, 1e9])
def test_the_ends_of_a_grid(divisor):
    """Integers beyond 2**52 have no neighbours to round to: such a value is kept as it is."""
    ends = np.array([2.0**52, 2.0**53, -(2.0**52) - 1, 2.0**63, 1e300, -0.0]) / divisor
    values = np.concatenate([np.arange(400) / divisor, ends])
    gridded = quantised.to_grid(values, divisor, None)
    assert gridded is not None
    assert 4 <= len(gridded.places) <= 6
    assert quantised.from_grid(gridded, divisor).tobytes() == values.tobytes()


def test_a_regular_clock_is_a_few_bytes():
    assert pack(np.arange(65_536) * 1_000_000).nbytes < 100


def test_bad_input_is_told():
    with pytest.raises(ValueError, match="expected one dimension"):
        pack(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="tolerance"):
        pack(np.zeros(2), tolerance=-1)
