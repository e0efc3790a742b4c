"""Packed packets: nothing is lost, nothing grows, and what does not fit is told apart."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.wire.encode import LIMIT
from livewidget.wire.pack import ENVELOPE, LEAST, PLAIN, SAMPLED, SHUFFLED, Packer, pack

from ...golden.browser import opened, u32

FORMS = [PLAIN, SHUFFLED]


def words(values):
    return np.asarray(values, dtype="<f8").tobytes()


NOISE = words(np.random.default_rng(1).normal(size=500))
STEPS = words(np.round(np.sin(np.arange(500) / 9), 2))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats() | st.sampled_from([0.0, 1.5]), max_size=400), st.sampled_from(FORMS))
def test_what_is_packed_is_opened(values, form):
    packet = words(values)
    packed = pack(packet, form)
    assert len(packed) <= len(packet)
    if packed != packet:
        assert (u32(packed, 4), u32(packed, 8), u32(packed, 12)) == (
            form,
            len(packet),
            len(packed),
        )
        assert opened(packed) == packet


@pytest.mark.parametrize("form", FORMS)
def test_what_would_not_be_smaller_goes_as_it_is(form):
    random = np.random.default_rng(2).bytes(4096)
    few, many = bytes(LEAST - 8), bytes(LIMIT + 8)
    assert [pack(each, form) for each in (b"", few, many, random)] == [b"", few, many, random]


def test_each_is_packed_in_the_form_that_suits_it():
    for packet, form in ((NOISE, SHUFFLED), (STEPS, PLAIN)):
        packer = Packer()
        packer.on = True
        assert u32(packer(packet), 4) == form
        assert packer.after < packer.before == len(packet)
        assert packer.ratio == pytest.approx((packer.after + ENVELOPE) / (packer.before + ENVELOPE))


def test_the_form_follows_the_data():
    packer = Packer()
    packer.on = True
    packer(NOISE)
    forms = {u32(packer(STEPS), 4) for _ in range(SAMPLED)}
    assert forms == {SHUFFLED, PLAIN}


def test_what_it_would_save_is_known_beforehand():
    packer = Packer()
    assert packer.ratio is None
    assert packer(STEPS) == STEPS
    saved = (len(pack(STEPS, PLAIN)) + ENVELOPE) / (len(STEPS) + ENVELOPE)
    assert packer.ratio == pytest.approx(saved)
    assert packer.before == packer.after == len(STEPS)
    packer.on = True
    assert len(packer(STEPS)) < len(STEPS)
    assert packer.seconds > 0


def test_little_packets_save_nothing():
    packer = Packer()
    packer.on = True
    for _ in range(3):
        packer(STEPS[: LEAST - 8])
    assert packer.ratio == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("at", "value"), [(4, 2), (8, LIMIT + 8), (8, 4001), (8, 4008), (8, 3992), (12, 4001)]
)
def test_what_does_not_fit_is_refused(at, value):
    packed = bytearray(pack(STEPS, PLAIN))
    struct.pack_into("<I", packed, at, value)
    with pytest.raises(AssertionError):
        opened(bytes(packed))
