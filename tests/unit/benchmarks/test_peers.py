"""The comparison's pure parts: dating a picture, judging results, writing the report."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.peers.base import WINDOW_S, Load, loads
from benchmarks.peers.dating import date
from benchmarks.peers.feed import HIGH, Feed, Rolling
from benchmarks.peers.figures import age_ms, frame_ms, spread, verdicts
from benchmarks.peers.measure import Shot, painted
from benchmarks.peers.profile import self_times
from benchmarks.peers.report import NAMES, WHOLE, write
from PIL import Image

WIDTH, HEIGHT, MARGIN = 900, 300, 40
BASE = loads(quick=True)[0]


def picture(until: float, width: int = WIDTH) -> np.ndarray:
    """A plain drawing of the window that ends at a moment: one red pixel a column at least."""
    drawn = np.full((HEIGHT, width + 2 * MARGIN, 3), 255, np.uint8)
    feed = Feed(BASE)
    times, values = feed.take(int(until * BASE.rate))
    seen = times >= until - WINDOW_S
    columns = MARGIN + ((times[seen] - until + WINDOW_S) / WINDOW_S * (width - 1)).astype(int)
    rows = ((2.2 - values[0][seen]) / 3.5 * (HEIGHT - 1)).astype(int)
    drawn[rows, columns] = (224, 0, 43)
    return drawn


def jpeg(pixels: np.ndarray) -> bytes:
    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, "JPEG", quality=85)
    return kept.getvalue()


@pytest.mark.parametrize("until", [10.0, 17.35, 31.02])
def test_a_picture_is_dated_to_a_pixel(until):
    found = date(picture(until), 0, until + 5)
    assert found is not None
    assert found.newest == pytest.approx(until, abs=0.03)


def test_a_blank_picture_has_no_date():
    assert date(np.full((100, 400, 3), 255, np.uint8), 0, 60) is None


def test_a_red_line_without_pulses_has_no_date():
    plain = np.full((100, 400, 3), 255, np.uint8)
    plain[50] = (224, 0, 43)
    assert date(plain, 0, 60) is None


def test_only_pictures_that_show_something_new_count():
    moments = [20.0, 20.0, 20.05, 20.1]
    shots = [Shot(1000 + n / 20, jpeg(picture(at))) for n, at in enumerate(moments)]
    pushed = [(980 + at, at) for at in np.arange(10, 21, 0.05)]
    box = {"x": 0, "y": 0, "width": WIDTH + 2 * MARGIN, "height": HEIGHT}
    found, share = painted(shots, box, pushed)
    assert share == 1
    assert [round(at, 3) for at, _, _ in found] == [1000, 1000.1, 1000.15]
    # The second of two like pictures is none; the last shows what came 50 ms before it.
    assert [age for _, _, age in found] == pytest.approx([0.0, 0.05, 0.05], abs=0.06)


def test_the_feed_goes_on_where_it_stopped():
    whole, halves = Feed(BASE), Feed(BASE)
    times, values = whole.take(3_000)
    first, second = halves.take(1_234), halves.take(3_000 - 1_234)
    assert np.array_equal(times, np.concatenate([first[0], second[0]]))
    assert np.array_equal(values, np.concatenate([first[1], second[1]], axis=1))
    assert values[0].max() > HIGH - 0.1


def test_a_rolling_window_holds_the_newest_rows():
    feed = Feed(Load("some", 500, 2, 20, 1))
    rolling = Rolling(*feed.take(250))
    for rows in [77] * 40 + [249, 250, 251, 1_000, 3, 200]:
        times, values = rolling.add(*feed.take(rows))
    assert times.shape == (250,)
    assert values.shape == (2, 250)
    assert np.all(np.diff(times) > 0)
    assert times[-1] == pytest.approx((feed.made - 1) / 25)


def result(**other: Any) -> dict[str, Any]:
    slice_ = {"frames": 20.0, "bytes": 2e5, "main": 0.2, "kernel": 0.1, "took": 0.5}
    slice_ |= {"script": 0.05, "style": 0.01, "layout": 0.01}
    changed = {name: other.pop(name) for name in list(other) if name in slice_}
    told = {
        "feed": 0.02,
        "painted": 20.0,
        "shots": 50,
        "dated": 1.0,
        "ages": [0.02, 0.04],
        "burst": 0.05,
    }
    memory = {"kernel_bytes": 1e8, "renderer_bytes": 2e8, "heap_bytes": 5e7}
    more = {"memory": memory, "updates": 20.0, "error": "", "load": BASE.to_json()}
    return {"slices": [slice_ | changed] * 4} | told | more | other


def test_making_the_rows_is_nobodys_work():
    assert spread(result(), "kernel").middle == pytest.approx(0.08)


def test_figures_of_a_frame():
    assert frame_ms(result(), "main") == pytest.approx(10)
    assert frame_ms(result(frames=0.0), "main") is None
    assert age_ms(result(ages=[]), 50) is None


def test_a_profile_leaves_out_what_is_within():
    main = {"pid": 1, "tid": 2}
    named = main | {"ph": "M", "name": "thread_name", "args": {"name": "CrRendererMain"}}
    spans = [("RunTask", 0, 100), ("Paint", 10, 30), ("Layout", 15, 5), ("RunTask", 200, 50)]
    events = [main | {"ph": "X", "name": n, "ts": ts, "dur": dur} for n, ts, dur in spans]
    other = {"pid": 1, "tid": 3, "ph": "X", "name": "Raster", "ts": 0, "dur": 900}
    spent = self_times([named, other, *events])
    micros = {name: round(1e6 * took) for name, took in spent.items()}
    assert micros == {"RunTask": 120, "Paint": 25, "Layout": 5}


def test_who_is_ahead_is_named():
    its = {"livewidget": result(), "bokeh": result(painted=30.0, kernel=0.3)}
    judged = {it.target: it for it in verdicts("base", its, NAMES, WHOLE)}
    assert not judged["at least as many frames"].met
    assert "Bokeh 30.0" in judged["at least as many frames"].told
    assert judged["half the kernel CPU"].met
    assert judged["under 100 ms after a burst"].met


def test_bytes_are_held_against_whole_arrays_tenfold():
    its = {"livewidget": result(), "bqplot": result(bytes=1e6)}
    judged = {it.target: it for it in verdicts("base", its, NAMES, WHOLE)}
    assert not judged["a tenth of the bytes"].met
    assert judged["no more bytes"].met


def test_a_peer_that_failed_is_no_rival():
    its = {"livewidget": result(), "bokeh": {"failed": "no picture"}}
    assert all(it.met for it in verdicts("base", its, NAMES, WHOLE))


def test_pictures_without_a_date_are_held_against_nobody():
    its = {"livewidget": result(), "bokeh": result(painted=90.0, dated=0.1)}
    assert all(it.met for it in verdicts("base", its, NAMES, WHOLE) if "frames" in it.target)
    its = {"livewidget": result(painted=0.0, dated=0.0), "bokeh": result()}
    assert not [it for it in verdicts("base", its, NAMES, WHOLE) if "frames" in it.target]


def test_the_report_names_all_that_ran_and_all_that_did_not(tmp_path: Path, monkeypatch):
    drawn = []
    monkeypatch.setattr("benchmarks.peers.report.draw", lambda plot, path: drawn.append(path.name))
    known = {
        "livewidget": {"base": result()},
        "uplot": {"base": result(kernel=0.0)},
        "plotly": {"base": {"failed": "no picture within 25 s", "load": BASE.to_json()}},
        "machine": {},
    }
    write(tmp_path / "performance.md", known)
    told = (tmp_path / "performance.md").read_text()
    assert "no picture within 25 s" in told
    assert "What is the maximum update rate?" in told
    assert "peers-0.png" in drawn
