"""The state of operators as bytes: what goes in comes out, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livewidget.codecs.state import MAGIC, pack, unpack
from livewidget.data.errors import StateError

ARRAYS = hnp.arrays(
    st.sampled_from(["<f8", "<i8", "<i4", "<u8", "|b1", "<f4"]), hnp.array_shapes(min_dims=0)
)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.binary()
STATES = st.dictionaries(
    st.text(),
    st.recursive(
        PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
    ),
)


@settings(deadline=None, max_examples=60)
@given(STATES)
def test_plain_data_comes_back(state: dict[str, object]) -> None:
    assert unpack(pack(state)) == state


@settings(deadline=None, max_examples=60)
@given(ARRAYS)
def test_arrays_come_back_and_can_be_written(array: np.ndarray) -> None:
    back = unpack(pack({"deep": [{"array": array}]}))["deep"][0]["array"]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


def test_numbers_of_numpy_are_numbers() -> None:
    assert unpack(pack({"n": np.int64(3), "x": np.float64(0.5)})) == {"n": 3, "x": 0.5}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_flipped_byte_is_found(data: st.DataObject) -> None:
    packed = bytearray(pack({"array": np.arange(10), "n": 3}))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StateError):
        unpack(bytes(packed))


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(StateError):
        unpack(MAGIC + noise)


@pytest.mark.parametrize(
    "value", [object(), np.array(["a"]), np.array([None]), lambda: 0, float, np.datetime64(1, "s")]
)
def test_what_is_no_data_is_refused_by_name(value: object) -> None:
    with pytest.raises(StateError, match="plain data and arrays of numbers"):
        pack({"value": value})
