"""The choice is near the best codec for each kind of data, is remembered, and follows the data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.codecs.numeric import chooser as module
from livewidget.codecs.numeric import pcodec, plan, quantised
from livewidget.codecs.numeric.chooser import FEWEST, MOST, Chooser
from livewidget.codecs.numeric.packed import pack, unpack
from livewidget.codecs.numeric.plan import OWN, PCODEC, Plan, choose, encode

ROWS = 65_536
BORN = 1_700_000_000_000_000_000
MS = 1_000_000
NEAR = 1.03  # times the bytes of the best codec alone
FEW = 64  # bytes that do not count, in half a megabyte


def walk(rng, size=1.0):
    return np.cumsum(rng.normal(size=ROWS)) * size


def clock(rng, per_ms, unit):
    """Events at random, so many a millisecond, told in units of so many ns."""
    gaps = rng.exponential(MS / per_ms, ROWS)
    return BORN + np.cumsum(gaps).astype(np.int64) // unit * unit


def prices(rng, changing):
    ticks = np.where(rng.random(ROWS) < changing, rng.integers(-2, 3, ROWS), 0)
    return np.round(100 + np.cumsum(ticks) * 0.01, 2)


KINDS = {
    "sensor": lambda rng: 20 + walk(rng, 0.01) + rng.normal(size=ROWS) * 0.1,
    "sensor that wanders": lambda rng: walk(rng, 0.5) + rng.normal(size=ROWS) * 5,
    "sensor of a sine": lambda rng: np.sin(np.arange(ROWS) / 1e3) + rng.normal(size=ROWS) * 0.1,
    "sensor of 3 decimals": lambda rng: np.round(walk(rng, 0.01) + rng.normal(size=ROWS) / 10, 3),
    "sensor of 12 bits": lambda rng: np.round(rng.normal(2_048, 20, ROWS)),
    "sensor of single precision": lambda rng: rng.normal(20, 1, ROWS).astype("f4").astype("f8"),
    "sensor of whole numbers": lambda rng: rng.integers(0, 1_000, ROWS),
    "noise": lambda rng: rng.normal(size=ROWS),
    "prices that always change": lambda rng: prices(rng, 1),
    "prices that change now and then": lambda rng: prices(rng, 0.05),
    "prices that change seldom": lambda rng: prices(rng, 0.005),
    "prices of two sides": lambda rng: np.round(
        prices(rng, 0.05) + rng.integers(0, 2, ROWS) / 100, 2
    ),
    "prices of five digits": lambda rng: np.round(60_000 + walk(rng, 0.5), 2),
    "regular": lambda rng: BORN + np.arange(ROWS) * MS,
    "regular with gaps": lambda rng: (
        BORN + np.cumsum(np.where(rng.random(ROWS) < 1e-3, rng.integers(1, 10**9, ROWS), MS))
    ),
    "regular with many gaps": lambda rng: (
        BORN + np.cumsum(np.where(rng.random(ROWS) < 0.01, 10**9, MS))
    ),
    "regular within 10 ns": lambda rng: BORN + np.arange(ROWS) * MS + rng.integers(0, 10, ROWS),
    "regular within 1 us": lambda rng: BORN + np.arange(ROWS) * MS + rng.integers(0, 1_000, ROWS),
    "seven a millisecond": lambda rng: BORN + np.arange(ROWS) // 7 * MS,
    "seven a millisecond, and a late one": lambda rng: (
        BORN + (np.arange(ROWS) // 7 + np.cumsum(rng.random(ROWS) < 2e-3)) * MS
    ),
    "irregular, 1 a ms, ns": lambda rng: clock(rng, 1, 1),
    "irregular, 1 a ms, us": lambda rng: clock(rng, 1, 1_000),
    "irregular, 7 a ms, ns": lambda rng: clock(rng, 7, 1),
    "irregular, 7 a ms, us": lambda rng: clock(rng, 7, 1_000),
    "irregular, 7 a ms, ms": lambda rng: clock(rng, 7, MS),
    "irregular, 100 a ms, ms": lambda rng: clock(rng, 100, MS),
    "irregular, in batches": lambda rng: np.repeat(clock(rng, 1, 1)[: ROWS // 32], 32),
}


def alone(values, tolerance=None):
    """Return the bytes of each codec alone: what a program that knew would have taken."""
    plans = [Plan(name) for name in (*OWN, *PCODEC)]
    if values.dtype == np.float64:
        for divisor in quantised.divisors(values, tolerance):
            plans += [Plan("quantised", divisor, name) for name in (*OWN, *PCODEC)]
    return {each: len(encode(values, each, tolerance)[1]) for each in plans}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_the_choice_is_near_the_best_codec(kind, seed):
    values = KINDS[kind](np.random.default_rng(seed))
    packed = pack(values, chooser=Chooser())
    sizes = alone(values)
    assert packed.nbytes <= max(min(sizes.values()) * NEAR, min(sizes.values()) + FEW), sizes
    assert unpack(packed).tobytes() == values.tobytes()


@pytest.mark.parametrize("kind", ["sensor", "sensor that wanders", "noise"])
def test_the_choice_within_an_error_is_near_the_best_codec(kind):
    values = KINDS[kind](np.random.default_rng(3))
    packed = pack(values, tolerance=0.01, chooser=Chooser())
    assert packed.nbytes <= min(alone(values, 0.01).values()) * NEAR
    assert packed.nbytes < pack(values).nbytes / 3
    assert np.abs(unpack(packed) - values).max() <= 0.01


def test_without_the_extra_the_choice_is_among_our_own(monkeypatch):
    monkeypatch.setattr(pcodec, "installed", lambda: False)
    for kind in ("sensor", "prices that change seldom", "irregular, 7 a ms, ms"):
        values = KINDS[kind](np.random.default_rng(1))
        sizes = {each: size for each, size in alone(values).items() if "pcodec" not in repr(each)}
        assert pack(values, chooser=Chooser()).nbytes <= min(sizes.values()) * NEAR


def segment(level, seed):
    return np.random.default_rng(seed).integers(0, level, 400)


def test_a_plan_is_looked_for_seldom_while_the_data_stay_alike():
    chooser = Chooser()
    for seed in range(FEWEST + MOST):
        pack(segment(100, seed), chooser=chooser)
        assert chooser.looks == 1 + (seed >= FEWEST)
    pack(segment(100, 0), chooser=chooser)
    assert chooser.looks == 3


@pytest.mark.parametrize("to", [4, 10**9], ids=["fewer bytes", "more bytes"])
def test_other_data_are_looked_at_anew(to):
    chooser = Chooser()
    for seed in range(2 * FEWEST):
        pack(segment(10_000, seed), chooser=chooser)
    assert chooser.looks == 2
    for seed in range(2):
        pack(segment(to, seed), chooser=chooser)
    assert chooser.looks == 3


def test_what_changes_all_the_time_is_looked_at_once_in_a_while():
    chooser = Chooser()
    for seed in range(4 * FEWEST):
        pack(segment(10 ** (2 + seed % 7), seed), chooser=chooser)
    assert chooser.looks <= 4


def test_a_look_that_confirms_the_plan_widens_what_is_taken_for_alike(monkeypatch):
    monkeypatch.setattr(module, "choose", lambda *_, **__: Plan("delta"))
    chooser = Chooser()
    for seed in range(6 * FEWEST):
        pack(segment((100, 10_000)[seed % 2], seed), chooser=chooser)
    looks = chooser.looks
    for seed in range(6 * FEWEST):
        pack(segment((100, 10_000)[seed % 2], seed), chooser=chooser)
    assert chooser.looks == looks


def test_another_type_or_tolerance_is_looked_at_at_once():
    chooser = Chooser()
    values = np.arange(100.0) / 7
    for looks, (column, tolerance) in enumerate(
        [(values, None), (values, 0.1), (values, 0.2), (np.arange(100), None), (values, None)]
    ):
        pack(column, tolerance=tolerance, chooser=chooser)
        pack(column, tolerance=tolerance, chooser=chooser)
        assert chooser.looks == 1 + looks
    pack(values, tolerance=0, chooser=chooser)
    assert chooser.looks == 5


def test_a_short_first_segment_does_not_decide_for_long_ones():
    chooser = Chooser()
    for rows in (0, 3, 400):
        values = 100 + np.arange(rows) % 7 / 100
        assert pack(values, chooser=chooser).nbytes <= 40 + rows
    assert chooser.looks == 3
    assert pack(100 + np.arange(5) / 100, chooser=chooser).nbytes <= 44
    assert chooser.looks == 3


whole = st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)
pieces = st.lists(whole, max_size=40).map(lambda few: np.array(few, dtype=np.int64))


@pytest.mark.parametrize("dtype", ["<i8", "<f8", "<i4"])
@settings(deadline=None, max_examples=60)
@given(segments=st.lists(pieces, max_size=12))
def test_whatever_it_remembers_all_bits_come_back(dtype, segments):
    chooser = Chooser()
    for values in segments:
        column = values.view(dtype)
        back = unpack(pack(column, chooser=chooser))
        assert back.dtype == column.dtype
        assert back.tobytes() == column.tobytes()


def test_a_plan_for_other_data_still_packs():
    """A remembered grid may not serve at all: what it cannot hold is packed otherwise."""
    rng = np.random.default_rng(1)
    chooser = Chooser()
    pack(KINDS["prices that always change"](rng), chooser=chooser)
    special = [np.nan, -0.0, np.inf, -np.inf, 5e-324, 1.7e308]
    for values in (rng.normal(size=500), np.array(special), np.zeros(0), np.ones(1)):
        assert unpack(pack(values, chooser=chooser)).tobytes() == values.tobytes()
    assert chooser.looks == 1


def test_a_sample_suffices_where_the_data_are_alike_throughout():
    rng = np.random.default_rng(1)
    assert choose(KINDS["regular"](rng)) == Plan("steady")
    assert choose(prices(rng, 1)) == Plan("quantised", 100.0, "pcodec-1")
    assert choose(np.zeros(0)) == plan.RAW
