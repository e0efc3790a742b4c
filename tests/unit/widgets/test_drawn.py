"""Pictures that the kernel draws, without a browser: what is in their marks."""

import numpy as np
import pytest
import traitlets as t

from livewidget import DataStreamer
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.events import State
from livewidget.data.schema import Schema
from livewidget.pipeline.relating.correlation import Correlation
from livewidget.pipeline.spatial.clusters import Clusters
from livewidget.testing import ListSource, wait_until
from livewidget.widgets.heatmap import LiveHeatMap
from livewidget.widgets.scatter import PALETTE, LiveScatter

T0 = 1_700_000_000 * 10**9


@pytest.fixture
def show():
    """Makes pictures that are closed after the test."""
    made = []

    def show(kind, *arguments, **options):
        made.append(kind(*arguments, **options))
        return made[-1]

    yield show
    for each in made:
        each.close()


@pytest.fixture
def pushed():
    with DataStreamer() as streamer:
        yield streamer


def places(streamer, times, x, cluster, **more):
    table = {"time": [T0 + int(s * 1e9) for s in times], "x": x, "y": x, "cluster": cluster}
    streamer.push(table | more)


def test_the_rows_of_the_window_are_points(show):
    kinds = {"time": "time", "x": "float", "y": "float", "cluster": "int"}
    pushed = DataStreamer(schema=Schema.of(kinds, "time"))
    scatter = show(LiveScatter, pushed, x="x", y="y", window="10s", fps=30)
    assert scatter.summary == "waiting for data"
    places(pushed, [0, 5, 11, 15], [1.0, 2.0, np.nan, 4.0], [0, 0, 1, -1])
    wait_until(lambda: scatter.points.x.tolist() == [4.0])
    places(pushed, [15, 16], [5.0, 6.0], [12, 3])
    wait_until(lambda: scatter.points.x.tolist() == [4.0, 5.0, 6.0])
    assert scatter.points.y.tolist() == [4.0, 5.0, 6.0]
    assert scatter.points.color.tolist() == [0, 3, 4]  # noise is grey; 12 has the colour of 2
    assert scatter.points.scales["color"].colors == PALETTE
    wait_until(lambda: "3 points" in scatter.summary)
    assert scatter.summary == "2023-11-14 22:13:36 UTC · 3 points · 2 of 'cluster', 1 in none"
    pushed.stop()


def test_without_a_window_those_of_the_newest_time(show, pushed):
    scatter = show(LiveScatter, pushed, x="x", y="y", window=None, fps=30)
    places(pushed, [0, 1, 1], [1.0, 2.0, 3.0], [0, 0, 1])
    wait_until(lambda: scatter.points.x.tolist() == [2.0, 3.0])
    scatter.window = "1h"
    wait_until(lambda: scatter.points.x.tolist() == [1.0, 2.0, 3.0])
    with pytest.raises(t.TraitError, match="window is a positive duration"):
        scatter.window = 0


def test_points_are_bounded_and_pausing_keeps_them(show, pushed):
    scatter = show(LiveScatter, pushed, x="x", y="y", color=None, max_points=3, fps=30)
    places(pushed, range(5), [0.0, 1.0, 2.0, 3.0, 4.0], [0] * 5)
    wait_until(lambda: scatter.points.x.tolist() == [2.0, 3.0, 4.0])
    assert scatter.points.color is None
    scatter.paused = True
    assert scatter._button.value is True
    places(pushed, [6], [6.0], [0])
    scatter._button.value = False
    assert scatter.paused is False
    wait_until(lambda: scatter.points.x.tolist() == [3.0, 4.0, 6.0])


def test_words_have_a_colour_each_that_stays_and_numbers_a_scale(show, pushed):
    words = show(LiveScatter, pushed, x="x", y="y", color="word", fps=30)
    scale = show(LiveScatter, pushed, x="x", y="y", color="v", fps=30)
    places(pushed, [0, 1], [0.0, 1.0], [0, 0], word=["b", None], v=[0.5, 1.5])
    wait_until(lambda: words.points.x.tolist() == [0.0, 1.0])
    assert words.points.color.tolist() == [1, 0]
    places(pushed, [2, 3], [2.0, 3.0], [0, 0], word=["a", "b"], v=[2.5, np.nan])
    wait_until(lambda: words.points.color.tolist() == [1, 0, 2, 1])
    wait_until(lambda: scale.points.x.tolist() == [0.0, 1.0, 2.0])  # the last has no number
    assert scale.points.color.tolist() == [0.5, 1.5, 2.5]
    assert scale.points.scales["color"].scheme == "viridis"
    assert len(scale.figure.axes) == 3


def test_clusters_are_a_picture_in_one_line(show):
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 400)
    lat = 48 + group * 0.05 + rng.normal(size=400) * 1e-4
    table = {"time": [T0 + n * 10**8 for n in range(400)], "lat": lat, "lon": lat - 30}
    source = DataStreamer(ListSource([table], name="taxis"))
    stream = source.stream.pipe(Clusters("lat", "lon", eps=200, window="20s", every="5s"))
    scatter = show(LiveScatter, stream, x="lon", y="lat", window=None, fps=30, title="Taxis")
    wait_until(
        lambda: (
            len(set(scatter.points.color.tolist() if scatter.points.color is not None else ())) == 3
        )
    )
    assert scatter.figure.title == "Taxis"
    wait_until(lambda: "3 of 'cluster'" in scatter.summary)
    wait_until(lambda: scatter.streamer.state[0] is State.ENDED)
    streamer = scatter.streamer
    scatter.close()
    assert streamer.state[0] is State.ENDED
    source.stop()


def pairs(streamer, second, table, names=("a", "b")):
    size = len(names)
    streamer.push(
        {
            "time": [T0 + second * 10**9] * size**2,
            "left": np.repeat(names, size),
            "right": np.tile(names, size),
            "correlation": np.array(table, dtype=float).ravel(),
        }
    )


def test_the_newest_table_is_colours(show, pushed):
    heat = show(LiveHeatMap, pushed, fps=30, title="Who goes with whom")
    pairs(pushed, 0, [[1, 0.2], [0.2, 1]])
    pairs(pushed, 1, [[1, -0.5], [-0.5, 1]])
    wait_until(lambda: heat.figure.marks and heat.figure.marks[0].color[0, 1] == -0.5)
    cells = heat.figure.marks[0]
    assert cells.row.tolist() == cells.column.tolist() == ["a", "b"]
    assert heat.figure.marks[1].x.tolist() == ["a", "b", "a", "b"]
    wait_until(lambda: list(heat.figure.marks[1].text) == ["1.00", "-0.50", "-0.50", "1.00"])
    assert (heat._range.min, heat._range.mid, heat._range.max) == (-1.0, 0.0, 1.0)
    wait_until(lambda: "-0.50" in heat.summary)
    assert heat.summary == "2023-11-14 22:13:21 UTC · 2 by 2 · strongest: a and b -0.50"
    pairs(pushed, 2, [[1, 0.25], [0.25, np.nan]])
    wait_until(lambda: list(heat.figure.marks[1].text) == ["1.00", "0.25", "0.25", "-"])
    assert cells.color[0, 1] == 0.25
    assert heat.figure.marks[0] is cells  # the same cells, of other colours


def test_other_names_make_other_cells_and_the_range_may_follow_the_values(show, pushed):
    heat = show(LiveHeatMap, pushed, limit=None, fps=30)
    pairs(pushed, 0, [[1, 7], [2, 1]])
    wait_until(lambda: heat.figure.marks and heat._range.max == 7.0)
    assert heat._range.min == -7.0
    pairs(pushed, 1, np.arange(9).reshape(3, 3), ("a", "b", "c"))
    wait_until(lambda: heat.figure.marks[0].color.shape == (3, 3))
    wait_until(lambda: "3 by 3 · strongest: c and b 7.00, c and a 6.00" in heat.summary)


def test_a_matrix_of_correlations_is_a_picture_in_one_line(show):
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    columns = {"a": a, "b": a + rng.normal(size=500), "c": -a}
    table = {"time": [T0 + n * 10**8 for n in range(500)], **columns}
    with DataStreamer(ListSource([table])) as source:
        stream = source.stream.pipe(Correlation(["a", "b", "c"], "20s", every="1s"))
        heat = show(LiveHeatMap, stream, fps=30)
        wait_until(lambda: "strongest: a and c -1.00" in heat.summary)
        np.testing.assert_allclose(heat.figure.marks[0].color[0, 2], -1)


def test_what_is_wrong_with_the_columns_is_said(show, pushed):
    late = show(LiveScatter, pushed, x="x", y="height", fps=30)
    places(pushed, [0], [1.0], [0], word=["a"])
    wait_until(lambda: "nothing is drawn: there is no column 'height'" in late.summary)
    with pytest.raises(SchemaError, match="there is no column 'left'"):
        LiveHeatMap(pushed)
    with pytest.raises(SchemaError, match="LiveScatter takes a column of kind 'float' or 'int'"):
        LiveScatter(pushed, x="x", y="word")
    with pytest.raises(
        SettingError, match="LiveScatter shows a Stream or a DataStreamer, got 'ws:"
    ):
        LiveScatter("ws://host", x="x", y="y")
    with pytest.raises(SettingError, match="x and y are two columns"):
        LiveScatter(pushed, x="x", y="x")
    with pytest.raises(SettingError, match="limit is a number above 0"):
        LiveHeatMap(pushed, limit=-1)
    with pytest.raises(SettingError, match="max_points is a whole number"):
        LiveScatter(pushed, x="x", y="y", max_points=0)
    with pytest.raises(t.TraitError, match="fps"):
        LiveScatter(pushed, x="x", y="y", fps=0)


def test_a_source_that_fails_is_said(show):
    source = DataStreamer(ListSource([], error=OSError("gone")))
    scatter = show(LiveScatter, source.stream, x="x", y="y", fps=30)
    wait_until(lambda: "failed: SourceError: OSError: gone" in scatter.summary)
    source.stop()


def test_closing_frees_every_comm_and_leaves_the_streamer_alone(show, pushed):
    scatter = show(LiveScatter, pushed, x="x", y="y", fps=30)
    places(pushed, [0], [1.0], [0])
    wait_until(lambda: len(scatter.points.x) == 1)
    assert repr(scatter) == "LiveScatter('push', live)"
    parts = [scatter.points, scatter.figure, scatter._button, scatter._summary]
    with scatter:
        pass
    assert all(part.comm is None for part in parts)
    assert repr(scatter) == "LiveScatter(closed)"
    scatter.close()
    places(pushed, [1], [2.0], [0])
    assert pushed.state[0] is State.LIVE
