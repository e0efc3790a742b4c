"""The default detector on a labelled real series, beside river's bare; all six are a report."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def nab():
    spec = importlib.util.spec_from_file_location("nab", ROOT / "benchmarks" / "nab.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["nab"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["nab"]


@pytest.fixture
def series(nab):
    place = nab.folder()
    if place is None:
        pytest.skip("the labelled series are absent: set LIVEWIDGET_NAB to their folder")
    return [each for each in nab.load(place) if each.name == "ec2_request_latency_system_failure"]


def test_the_default_is_no_worse_than_rivers_best(nab, series):
    def f1(detector):
        flags = [detector(each.times, each.values) for each in series]
        return nab.total(nab.scores_of(series, flags, nab.HEADLINE)).f1

    bare = {name: f1(make) for name, make in nab.RIVER.items() if "HalfSpace" not in name}
    assert f1(nab.ours("auto")) >= max(bare.values())


def test_how_it_is_scored(nab):
    hour = nab.HOUR
    times = np.arange(20) * hour
    series = nab.Series("it", times, np.zeros(20), [(4 * hour, 6 * hour), (12 * hour, 13 * hour)])

    def score(rows, cool_down):
        return nab.score(series, np.isin(np.arange(20), rows), cool_down * hour)

    found = score([5, 6, 9, 10], 0)
    assert (found.found, found.windows, found.false, found.delays) == (1, 2, 2, (1.0,))
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == 0.5
    assert found.f1 == pytest.approx(0.4)
    assert score([5, 6, 9, 10], 3).false == 1
    assert score([3, 4, 5], 6).found == 0  # a person heard of it before, and for another reason
    always = score(range(20), 4)
    assert always.false == 3  # at 0, 8 and 16; those at 4 and 12 are well
