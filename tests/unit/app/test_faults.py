from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.app.faults import LATE_S, Faults, Malforming
from livewidget.codecs.encode import encoder_for
from livewidget.codecs.json import JsonDecoder
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError

SIZE = 50


def batch_of(numbers):
    return Batch.of({"time": [1.7e9 + n for n in numbers], "n": list(numbers)})


def played(faults, batches):
    """The numbers that come out, each with the second in which it does."""
    seen = []
    for second, start in enumerate(range(0, batches * SIZE, SIZE)):
        out = faults.apply(batch_of(range(start, start + SIZE)), float(second))
        seen += [(int(n), second) for n in out["n"]]
    rest = faults.rest()
    return seen + ([] if rest is None else [(int(n), batches) for n in rest["n"]])


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 100))
def test_every_event_comes_out_once_or_twice_and_late_ones_in_time(late, duplicate, seed):
    faults = Faults(late=late, duplicate=duplicate, seed=seed)
    seen = played(faults, batches=5)
    counts = Counter(number for number, _ in seen)
    assert sorted(counts) == list(range(5 * SIZE))
    assert set(counts.values()) <= {1, 2}
    assert sum(counts.values()) == 5 * SIZE + faults.duplicated
    delays = [second - number // SIZE for number, second in seen]
    assert min(delays) >= 0
    assert max(delays) <= LATE_S + 1
    assert sum(each > 0 for each in delays) <= faults.late
    assert faults.rest() is None


def test_probabilities_are_kept_and_the_seed_tells_all():
    faults = Faults(late=0.1, duplicate=0.2, seed=3)
    seen = played(faults, batches=100)
    assert 800 < faults.duplicated < 1_200
    assert 450 < faults.late < 750
    assert seen == played(Faults(late=0.1, duplicate=0.2, seed=3), batches=100)
    assert played(Faults(), batches=2) == [(n, n // SIZE) for n in range(2 * SIZE)]


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_what_is_malformed_is_rejected_and_nothing_else_is(form):
    encoder = Malforming(encoder_for(form), 0.3, seed=1)
    decoded = JsonDecoder().decode(encoder.encode(batch_of(range(500))))
    assert 100 < encoder.broken < 200
    assert len(decoded.rejected) == encoder.broken
    assert decoded.rows == 500 - encoder.broken
    assert np.all(np.diff(np.asarray(decoded.columns["n"])) > 0)


@pytest.mark.parametrize("name", ["late", "duplicate"])
def test_a_probability_is_from_0_to_1(name):
    with pytest.raises(SettingError, match=f"{name} is a probability from 0 to 1, got 1.5"):
        Faults(**{name: 1.5})
    with pytest.raises(SettingError, match="malformed is a probability from 0 to 1, got nan"):
        Malforming(encoder_for(), float("nan"))
