import sys

import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SchemaError, SettingError, StateError
from livewidget.data.schema import Schema
from livewidget.pipeline.operator import Tally
from livewidget.pipeline.registry import build
from livewidget.pipeline.spatial.clusters import Clusters
from livewidget.testing import ManualClock

from .places import SCHEMA, SECOND, pieces, places, run, same, window

EARTH_M = 6_371_008.8


def renamed(labels):
    """Labels numbered by their first appearance, so that two sets of names compare."""
    names = {-1: -1}
    return [names.setdefault(label, len(names)) for label in labels.tolist()]


def test_every_window_is_clustered_as_scikit_learn_does_it():
    batch = places()
    ours = run(Clusters("lat", "lon", eps=150, window="30s", every="5s"), pieces(batch, 1))
    ends = np.unique(ours.times)
    assert ends.tolist() == [n * 5 * SECOND for n in range(31)]
    for end in ends.tolist():
        rows = window(batch, end, 30)
        part = ours.take(ours.times == end)
        np.testing.assert_array_equal(part["lat"], rows["lat"])
        model = DBSCAN(eps=150 / EARTH_M, min_samples=5, metric="haversine")
        theirs = model.fit(np.radians(np.column_stack([rows["lat"], rows["lon"]]))).labels_
        assert renamed(part["cluster"]) == renamed(theirs)


def test_in_a_plane_distance_is_in_the_columns_units():
    schema = Schema.of({"time": "time", "x": "float", "y": "int"}, "time")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 60, 400) / 2, rng.integers(0, 30, 400)
    batch = Batch(schema, (np.arange(400, dtype=np.int64) * SECOND // 10, x, y))
    ours = run(Clusters(x="x", y="y", eps=1.2, window="20s", every="20s"), [batch])
    part = ours.take(ours.times == 20 * SECOND)
    rows = window(batch, 20 * SECOND, 20)
    theirs = DBSCAN(eps=1.2, min_samples=5).fit(np.column_stack([rows["x"], rows["y"]])).labels_
    assert renamed(part["cluster"]) == renamed(theirs)


def test_it_does_not_matter_how_the_rows_are_cut():
    batch = places(800, seed=3)
    operator = Clusters("lat", "lon", eps=150, window="20s", every="2s", by="who")
    whole = run(operator, [batch])
    for seed in range(3):
        same(run(operator, pieces(batch, seed)), whole)


def test_a_cluster_keeps_its_number_while_it_wanders():
    batch = places(1_500, seed=5, spread=0.0004)
    ours = run(Clusters("lat", "lon", eps=150, window="30s", every="2s"), [batch])
    full = ours.take((ours.times >= 30 * SECOND) & (ours["cluster"] >= 0))
    seen = np.unique(full["cluster"])
    assert len(seen) == 4
    for label in seen.tolist():
        own = full.take(full["cluster"] == label)
        assert len(np.unique(own.times)) == len(np.unique(full.times))
        centres = [own["lat"][own.times == end].mean() for end in np.unique(own.times).tolist()]
        assert np.abs(np.diff(centres)).max() < 0.001


def test_a_new_cluster_never_gets_the_number_of_one_that_is_gone():
    first, second = places(200, seed=1), places(200, seed=1)
    later = Batch(SCHEMA, (second.times + 100 * SECOND, *second.columns[1:]))
    ours = run(Clusters("lat", "lon", eps=200, window="10s", every="10s"), [first, later])
    before = ours["cluster"][ours.times <= 50 * SECOND]
    after = ours["cluster"][(ours.times > 50 * SECOND) & (ours["cluster"] >= 0)]
    assert after.min() > before.max() >= 0


def test_each_key_is_clustered_by_itself():
    batch = places(600, seed=2)
    apart = run(Clusters("lat", "lon", eps=200, window="60s", every="60s", by="who"), [batch])
    for who in ("bike", "car"):
        own = batch.take(batch["who"].decode() == who)
        alone = run(Clusters("lat", "lon", eps=200, window="60s", every="60s"), [own])
        part = apart.take(apart["who"].decode() == who)
        last = 60 * SECOND
        assert renamed(part["cluster"][part.times == last]) == renamed(
            alone["cluster"][alone.times == last]
        )


def test_what_has_no_place_is_left_out_and_counted():
    rows = places(100)
    lat = rows["lat"].copy()
    lat[:7] = [np.nan, np.inf, 91, -91, np.nan, 90.5, np.nan]
    operator = Clusters("lat", "lon", eps=100, window="60s", every="60s")
    ours = run(operator, [Batch(SCHEMA, (rows.times, rows["who"], lat, rows["lon"]))])
    assert len(ours) == 93
    assert operator.counts["no place"] == 7


def test_the_newest_rows_of_a_window_are_taken():
    operator = Clusters("lat", "lon", eps=100, window="60s", every="60s", rows=50)
    ours = run(operator, [places(200)])
    assert len(ours) == 51  # the first row stands at the end of a window of its own
    assert operator.counts["rows forgotten"] == 149


def test_it_goes_on_from_what_was_saved():
    batch = places(800, seed=4)
    operator = Clusters("lat", "lon", eps=150, window="20s", every="2s")
    whole = run(operator, [batch], final=False)
    first, second = (operator.bind(SCHEMA, ManualClock()) for _ in range(2))
    head = len(first.step(batch.take(slice(0, 500)), Tally()))
    second.memory.load(first.memory.save())
    same(second.step(batch.take(slice(500, None)), Tally()), whole.take(slice(head, None)))
    with pytest.raises(StateError, match="the clusters cannot be gone on from"):
        second.memory.load({})
    with pytest.raises(StateError, match="the rows of a window cannot be gone on from"):
        second.memory.load(first.memory.save() | {"rows": {"columns": []}})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lat": "lat", "lon": "lon", "eps": 0}, "eps is a distance above 0; got 0"),
        ({"lat": "lat", "lon": "lon", "eps": "1km"}, "eps is a distance above 0; got '1km'"),
        ({"lat": "lat", "eps": 1}, "a place is two columns: lat and lon, or x and y"),
        ({"lat": "lat", "lon": "lon", "x": "x", "eps": 1}, "a place is two columns"),
        ({"x": "x", "y": "y", "eps": 1, "min_points": 0}, "min_points is a whole number"),
        ({"x": "x", "y": "y", "eps": 1, "every": "2min"}, "every is at most the window"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(SettingError, match=words):
        Clusters(**settings)


def test_columns_that_do_not_fit():
    with pytest.raises(
        SchemaError, match="Clusters takes a column of kind 'float' or 'int'; 'who'"
    ):
        Clusters("lat", "who", eps=1).bind(SCHEMA, ManualClock())
    with pytest.raises(SchemaError, match="adds a column 'lat', which is there already"):
        Clusters("lat", "lon", eps=1, into="lat").bind(SCHEMA, ManualClock())


def test_without_the_package_it_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingExtraError, match=r"scikit-learn is not installed.*livewidget\[ml\]"):
        Clusters("lat", "lon", eps=1).bind(SCHEMA, ManualClock())


def test_a_file_names_it():
    operator = build({"do": "clusters", "lat": "lat", "lon": "lon", "eps": 150, "every": "10s"})
    assert isinstance(operator, Clusters)
    with pytest.raises(SettingError, match="the setting 'eps' is missing"):
        build({"do": "clusters", "lat": "lat", "lon": "lon"})
    with pytest.raises(SettingError, match="names no setting, 'epsilon'"):
        build({"do": "clusters", "epsilon": 1})
    assert build({"do": "hulls", "x": "x", "y": "y"}).heavy
    assert build({"do": "correlation", "columns": ["a", "b"]}).name == "correlation"
    assert build({"do": "lead_lag", "left": "a", "right": "b"}).name == "lead lag"
