"""All six labelled real series: the default detector finds at least what river's bare ones do."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[2]


def test_the_default_is_no_worse_than_rivers_best(record_property):
    spec = importlib.util.spec_from_file_location("nab", ROOT / "benchmarks" / "nab.py")
    nab = importlib.util.module_from_spec(spec)
    sys.modules["nab"] = nab
    spec.loader.exec_module(nab)
    place = nab.folder()
    if place is None:
        pytest.skip("the labelled series are absent: set LIVEWIDGET_NAB to their folder")
    every = nab.load(place)
    own, bare = nab.flagged(every)
    for hours in nab.COOL_DOWNS:
        best = max(nab.total(nab.scores_of(every, flags, hours)).f1 for flags in bare.values())
        default = nab.total(nab.scores_of(every, own["auto"], hours)).f1
        record_property(f"F1 at {hours} h", f"{default:.2f}, river's best {best:.2f}")
        assert default >= best
