"""A kept model of river cannot bring anything along."""

from __future__ import annotations

import functools
import os
import pickle
import subprocess

import pytest
from river import anomaly, drift, time_series

from livewidget.data.errors import MissingExtraError, StateError
from livewidget.pipeline.models import Detect, Drift, Forecast, kept
from livewidget.pipeline.models.kept import freeze, thaw
from livewidget.testing import ManualClock

from .feeds import SCHEMA


class Call:
    def __init__(self, function, *values):
        self._reduced = function, values

    def __reduce__(self):
        return self._reduced


@pytest.mark.parametrize(
    "evil",
    [
        Call(os.system, "true"),
        Call(subprocess.check_output, ["true"]),
        Call(eval, "1"),
        Call(getattr, "a word", "upper"),
        Call(getattr, drift.ADWIN(), "__class__"),
        Call(functools.reduce, max, [1]),
        Call(pickle.loads, b""),
        Call(__import__, "os"),
        b"\x80\x04\x8c\x0criver.statsx\x8c\x01a\x93.",
        b"\x80\x04\x8c\x0briver.stats\x8c\x09mean.Mean\x93.",  # a dotted name
        b"\x80\x04\x8c\x0eriver.datasets\x8c\x08Phishing\x93.",
        b"",
        b"no pickle",
        3,
        None,
    ],
)
def test_what_is_no_model_of_river_is_refused(evil):
    data = pickle.dumps(evil) if isinstance(evil, Call) else evil
    with pytest.raises(StateError, match="model"):
        thaw(data, drift.ADWIN)


def test_another_model_is_refused():
    with pytest.raises(StateError, match="is a ADWIN, expected PageHinkley"):
        thaw(freeze(drift.ADWIN()), drift.PageHinkley)


def test_what_is_cut_short_is_refused():
    data = freeze(time_series.SNARIMAX(p=1, d=0, q=0))
    with pytest.raises(StateError):
        thaw(data[:-20], time_series.SNARIMAX)
    with pytest.raises(StateError, match="at most"):
        thaw(bytes(kept.MOST_BYTES + 1), time_series.SNARIMAX)


def test_models_of_river_come_back():
    for model in (anomaly.HalfSpaceTrees(), drift.ADWIN(), drift.PageHinkley()):
        assert type(thaw(freeze(model), type(model))) is type(model)


def test_without_river_its_extra_is_named(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    for make in (
        lambda: Detect("value", "half_space_trees").bind(SCHEMA, ManualClock()),
        lambda: Drift("value").bind(SCHEMA, ManualClock()),
        lambda: Forecast("value", "arima"),
    ):
        with pytest.raises(MissingExtraError, match=r"river.*'ml'"):
            make()
    Detect("value").bind(SCHEMA, ManualClock())
    Forecast("value").bind(SCHEMA, ManualClock())
