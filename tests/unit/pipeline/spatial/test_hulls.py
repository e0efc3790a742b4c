import sys

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.spatial.clusters import Clusters
from livewidget.pipeline.spatial.hulls import Hulls
from livewidget.testing import ManualClock

from .places import SCHEMA, SECOND, pieces, places, run, same, window

FLAT = Schema.of({"time": "time", "who": "text", "x": "float", "y": "float"}, "time")


def flat(points):
    size = len(points)
    who = places(size)["who"]
    x, y = np.array(points, dtype=float).T
    return Batch(FLAT, (np.arange(1, size + 1, dtype=np.int64), who, x.copy(), y.copy()))


def test_it_is_scipys_hull_of_each_key_in_every_window():
    drawn = places(600)
    batch = Batch(FLAT, drawn.columns)
    ours = run(Hulls(x="x", y="y", by="who", window="20s", every="5s"), pieces(batch, 2))
    ends = np.unique(ours.times)
    assert ends.tolist() == [n * 5 * SECOND for n in range(13)]
    for end in ends[1:].tolist():
        rows = window(batch, end, 20)
        for who in ("bike", "car"):
            own = rows.take(rows["who"].decode() == who)
            points = np.column_stack([own["x"], own["y"]])
            hull = ConvexHull(points)
            part = ours.take((ours.times == end) & (ours["who"].decode() == who))
            got = np.column_stack([part["x"], part["y"]])
            assert sorted(map(tuple, got.round(9))) == sorted(
                map(tuple, points[hull.vertices].round(9))
            )
            np.testing.assert_allclose(part["area"], hull.volume)
            assert part["corner"].tolist() == list(range(len(part)))
            assert (part["points"] == len(points)).all()


def test_a_square_has_its_area_its_centre_and_its_corners_in_turn():
    ours = run(Hulls(x="x", y="y"), [flat([(0, 0), (4, 0), (4, 2), (0, 2), (1, 1), (3, 1)])])
    assert ours["area"].tolist() == [8.0] * 4
    assert (ours["centre_x"][0], ours["centre_y"][0]) == (2.0, 1.0)
    x, y = ours["x"], ours["y"]
    turn = np.roll(x, -1) * y - x * np.roll(y, -1)
    assert -turn.sum() / 2 == pytest.approx(8.0)  # counterclockwise


@pytest.mark.parametrize(
    ("points", "corners"),
    [
        ([(2, 3)], [(2, 3)]),
        ([(2, 3)] * 5, [(2, 3)]),
        ([(2, 3), (0, 1)], [(0, 1), (2, 3)]),
        ([(n, 2 * n) for n in range(6)], [(0, 0), (5, 10)]),
        ([(1, n) for n in range(6)], [(1, 0), (1, 5)]),
    ],
)
def test_what_has_no_area_has_its_ends(points, corners):
    ours = run(Hulls(x="x", y="y"), [flat(points)])
    assert ours["area"].tolist() == [0.0] * len(corners)
    np.testing.assert_allclose(np.column_stack([ours["x"], ours["y"]]), corners)


@pytest.mark.parametrize("middle", [(0.0, 0.0), (60.0, 179.9999), (-45.0, -180.0)])
def test_on_earth_the_area_is_in_square_metres_also_across_the_180th_meridian(middle):
    metre = 1 / 111_195.08
    lat = middle[0] + np.array([-500, -500, 500, 500]) * metre
    wide = metre / np.cos(np.radians(middle[0]))
    lon = (middle[1] + np.array([-300, 300, 300, -300]) * wide + 180) % 360 - 180
    times = np.arange(4, dtype=np.int64) + 1
    batch = Batch(SCHEMA, (times, places(4)["who"], lat, lon))
    ours = run(Hulls("lat", "lon"), [batch])
    np.testing.assert_allclose(ours["area"], 600_000, rtol=1e-3)
    np.testing.assert_allclose(ours["centre_lat"], middle[0], atol=1e-6)
    off = (ours["centre_lon"] - middle[1] + 180) % 360 - 180
    np.testing.assert_allclose(off, 0, atol=1e-6)
    assert sorted(ours["lon"].round(9)) == sorted(lon.round(9))


def test_behind_clusters_each_has_its_hull():
    batch = places(600, spread=0.0004)
    clusters = run(Clusters("lat", "lon", eps=200, window="30s", every="10s"), [batch])
    real = clusters.take(clusters["cluster"] >= 0)
    ours = run(Hulls("lat", "lon", by="cluster", window="10s", every="10s"), pieces(real, 3))
    last = clusters.times[-1]
    part = ours.take(ours.times == last)
    assert set(part["cluster"].tolist()) == set(real["cluster"][real.times == last].tolist())
    sizes = {
        int(label): int((real["cluster"][real.times == last] == label).sum())
        for label in part["cluster"]
    }
    for label, points in zip(part["cluster"].tolist(), part["points"].tolist(), strict=True):
        assert points == sizes[label]


def test_it_does_not_matter_how_the_rows_are_cut():
    batch = places(500, seed=8)
    operator = Hulls("lat", "lon", by="who", window="10s", every="1s")
    same(run(operator, pieces(batch, 1)), run(operator, [batch]))


def test_bad_input(monkeypatch):
    with pytest.raises(SettingError, match="a place is two columns"):
        Hulls("lat")
    with pytest.raises(SettingError, match="window is a positive duration"):
        Hulls("lat", "lon", window=0)
    with pytest.raises(SchemaError, match="there is no column 'x'"):
        Hulls(x="x", y="y").bind(SCHEMA, ManualClock())
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    with pytest.raises(MissingExtraError, match="scipy is not installed"):
        Hulls("lat", "lon").bind(SCHEMA, ManualClock())
