"""Positions counted by the cells of a grid, and clusters with their hulls, through a streamer."""

import numpy as np
import pandas as pd
import pytest

from livewidget import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.testing import ListSource

T0 = 1_700_000_000 * 10**9


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def taxis(engine):
    rng = np.random.default_rng(2)
    group = rng.integers(0, 3, 2_000)
    table = {
        "time": [T0 + n * 10**8 for n in range(2_000)],
        "lat": 48.2 + group * 0.02 + rng.normal(size=2_000) * 1e-3,
        "lon": 16.4 + rng.normal(size=2_000) * 1e-3,
    }
    items = [
        {name: each[at : at + 170] for name, each in table.items()} for at in range(0, 2_000, 170)
    ]
    with DataStreamer(ListSource(items, name="taxis"), engine=engine) as streamer:
        yield streamer


def rows(stream, engine):
    with stream.open(engine=engine) as streamer:
        assert streamer.wait(20), streamer.state
        return streamer.to_dataframe()


def test_cells_and_windows_make_counts_of_positions(taxis, engine):
    cells = taxis.stream.cell(size_m=500)
    ours = rows(cells.group_by("cell").window("1min").agg(count=("lat", "count")), engine)
    every = rows(cells, engine)
    begin = every["time"].dt.floor("1min").rename("window_start")
    theirs = every.groupby([begin, every["cell"].astype(str)]).size()
    found = ours.set_index(["window_start", ours["cell"].astype(str)])["count"]
    pd.testing.assert_series_equal(
        found.sort_index(), theirs.sort_index(), check_names=False, check_dtype=False
    )


def test_clusters_and_hulls_are_two_words_of_a_stream(taxis, engine):
    clusters = taxis.stream.clusters(lat="lat", lon="lon", eps=150, window="60s", every="20s")
    hulls = clusters.where("cluster >= 0").hulls(
        lat="lat", lon="lon", by="cluster", window="20s", every="20s"
    )
    found = rows(hulls, engine)
    last = found[found["time"] == found["time"].max()]
    assert len(last["cluster"].unique()) == 3
    assert (last["area"] > 10_000).all()
    assert last.groupby("cluster")["points"].first().sum() > 300
