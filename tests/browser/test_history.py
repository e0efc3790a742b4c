"""Charts on a store: what was there before, looked back to, left by a restart, and exported."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from livewidget import BufferManager
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema

from .chart import Chart
from .conftest import ONE_KERNEL
from .kernel import PRELUDE

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from .notebook import Notebook

Points = tuple["npt.NDArray[np.float64]", "npt.NDArray[np.float64]"]

S = 1_000_000_000
SCHEMA = Schema.of({"time": "time", "value": "float"}, "time")
RATE = 50  # rows a second, as those of the kernel's feed
PAST_S = 600
WIDE = "stats.stop - stats.start > 1000e9"

POINTS = """((chart) => {
  const { store } = chart.__livewidget;
  const { x, y } = store.series[0].track;
  return [String(store.origin), [...x], [...y].map((value) => (value === value ? value : null))];
})"""

TIMES = "times = chart.to_dataframe()['time'].astype('int64')"

# A store in the kernel that can be slow, and down.
SLOW = """
from livewidget.testing import LastingStore

class SlowStore(LastingStore):
    slow_s = 0.0

    def read(self, start, stop, *, width=0):
        time.sleep(self.slow_s)
        return super().read(start, stop, width=width)

store = SlowStore("archive")
chart = feed(make(title="History", store=store, max_points=1000, window=5), rows=20)
chart
"""


def write(folder: Path, rows: int, step_ns: int) -> float:
    """Leave a store behind, as a kernel before would; return its first time, s since the epoch.

    Its last is now, and its values are those of the kernel's feed.
    """
    stop = time.time_ns()
    with BufferManager(SCHEMA, store=folder) as buffer:
        for first in range(0, rows, 500_000):
            places = np.arange(first, min(rows, first + 500_000))
            times = stop - (rows - 1 - places) * step_ns
            buffer.append(Batch(SCHEMA, (times, 10 * np.sin(times / 1e9))))
    return (stop - (rows - 1) * step_ns) / 1e9


def points(chart: Chart) -> Points:
    """What the page holds: seconds since the epoch, and values, NaN where the line breaks."""
    origin, x, y = chart.notebook.js(f"({POINTS})(document.querySelector('.livewidget'))")
    return np.array(x) / 1e9 + int(origin) / 1e9, np.array(y, dtype=float)


def assert_whole(chart: Chart, apart: float, breaks: int | None = 1) -> Points:
    """Assert that nothing is drawn but what was sent, each moment once and none left out.

    Points are less than `apart` s from each other, but for so many breaks of the line (None: any;
    one that is no wider than a bucket is not to be seen).
    """
    at, values = points(chart)
    drawn = ~np.isnan(values)
    assert np.abs(values - 10 * np.sin(at))[drawn].max() < 1e-3
    assert (np.diff(at[drawn]) > 0).all()
    assert breaks in (None, (~drawn).sum())
    holes = np.flatnonzero(np.diff(at[drawn]) >= apart)
    behind = np.searchsorted(at[drawn], at[~drawn])
    assert set(holes + 1) <= set(behind.tolist()), np.diff(at[drawn])[holes]
    return at, values


def open_on(notebook: Notebook, folder: Path, **options: Any) -> Chart:
    """A chart on a store, fed and moving; a busy machine takes no points from what is drawn."""
    given = {"quality": "high", **options}
    told = ", ".join(f"{name}={value!r}" for name, value in given.items())
    notebook.show(f"chart = feed(make(title='History', store={str(folder)!r}, {told})); chart")
    chart = Chart(notebook)
    chart.until_moving()
    return chart


def zoom_out(chart: Chart, turns: int) -> None:
    """Turn the wheel over the plot."""
    chart.root.locator(".lw-plot").hover()
    for _ in range(turns):
        chart.notebook.page.mouse.wheel(0, 400)


def until_from(chart: Chart, since: float) -> None:
    """Wait until the first point is at a time, s since the epoch, give or take a second."""
    script = f"({POINTS})(chart)"
    chart.until(
        f"(() => {{ const [origin, x] = {script};"
        f" return Math.abs(Number(origin) / 1e9 + x[0] / 1e9 - {since}) < 1; }})()"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "history"


# What is drawn of the past does not depend on the kernel's major; what a cell waits for does.


@ONE_KERNEL
def test_a_chart_begins_with_its_past_and_looks_back_while_live_goes_on(
    notebook: Notebook, folder: Path
) -> None:
    kernel = notebook.kernel
    since = write(folder, RATE * PAST_S, S // RATE)
    chart = open_on(notebook, folder, window=30)
    at, _ = assert_whole(chart, 0.5)
    assert at[-1] - at[0] == pytest.approx(30, abs=1), "the window is full from the start"
    notebook.screenshot(f"history-open-{kernel}", chart.root)

    zoom_out(chart, 7)
    chart.until(WIDE)
    until_from(chart, since)
    notebook.screenshot(f"history-wide-{kernel}", chart.root)
    at, _ = assert_whole(chart, 5, breaks=None)
    shown = len(at)
    wanted = chart.stats()["sequence"] + 40  # frames with something new: a bucket or two further
    chart.until(f"stats.sequence >= {wanted}")
    again, _ = assert_whole(chart, 5, breaks=None)
    assert again[-1] > at[-1], "live goes on"
    assert len(again) >= shown, "and nothing of the past has gone"

    chart.root.locator(".lw-plot").focus()
    for key in ("+", "+", "+", "+", *["ArrowLeft"] * 9):
        notebook.page.keyboard.press(key)
    chart.until("stats.stop - stats.start < 700e9")
    start, stop = chart.range_ms()
    chart.until("stats.points[0] > 600")
    notebook.screenshot(f"history-back-{kernel}", chart.root)
    at, _ = assert_whole(chart, 1.5, breaks=0)
    assert at[-1] >= stop / 1000
    assert chart.range_ms() == pytest.approx((start, stop), abs=1), "it stays where it is"
    assert chart.root.locator(".lw-notice").is_hidden()

    chart.press("Back to live")
    chart.until("!stats.zoomed")
    chart.until_now()
    chart.until_moving()


@ONE_KERNEL
def test_a_drag_uncovers_the_past_without_a_flicker(notebook: Notebook, folder: Path) -> None:
    write(folder, RATE * PAST_S, S // RATE)
    chart = open_on(notebook, folder, window=10, max_points=200)
    plot = chart.root.locator(".lw-plot").bounding_box()
    assert plot is not None
    mouse, middle = notebook.page.mouse, plot["y"] + plot["height"] / 2
    mouse.move(plot["x"] + 100, middle)
    mouse.down()
    for step in range(1, 9):
        mouse.move(plot["x"] + 100 + 60 * step, middle)
        chart.until(f"({POINTS})(chart)[1][0] < stats.start + 0.1e9")
        if step in (2, 5, 8):
            notebook.screenshot(f"history-drag-{step}-{notebook.kernel}", chart.root)
        assert chart.root.locator(".lw-notice").is_hidden()
    mouse.up()
    assert_whole(chart, 0.5, breaks=int(points(chart)[0][-1] > time.time() - 1))


def test_a_restarted_kernel_goes_on_where_the_last_one_was_cut_off(
    notebook: Notebook, folder: Path
) -> None:
    open_on(notebook, folder, window=10)
    notebook.until_kernel("len(chart.to_dataframe()) > 150")
    began, last = notebook.ask(f"{TIMES}; print([int(times.min()), int(times.max())])")
    notebook.restart_kernel()
    notebook.ask(PRELUDE)
    chart = open_on(notebook, folder, window=60)
    until_from(chart, began / 1e9)
    at, values = assert_whole(chart, 0.5)
    (gap,) = at[np.isnan(values)]
    assert at[at < gap][-1] >= last / 1e9, "all that was written before is there"
    gaps = notebook.ask("print(json.dumps([gap.reason for gap in chart.streamer.gaps]))")
    assert gaps == ["nothing was running"]
    notebook.screenshot(f"history-restarted-{notebook.kernel}", chart.root)
    kept = "times.is_unique and times.is_monotonic_increasing"
    assert notebook.ask(f"{TIMES}; print({kept} and int(times.min()) == {began})") == "True\n"


@ONE_KERNEL
def test_a_store_that_is_slow_or_down_is_told_and_the_picture_goes_on(notebook: Notebook) -> None:
    kernel = notebook.kernel
    notebook.show(SLOW)
    chart = Chart(notebook)
    chart.until_moving()
    notebook.until_kernel("store.rows > 2000")
    notebook.ask("store.slow_s = 1.0")
    zoom_out(chart, 2)
    chart.until("chart.querySelector('.lw-notice').textContent === 'loading the past'")
    notebook.screenshot(f"history-loading-{kernel}", chart.root)
    chart.until("chart.querySelector('.lw-unseen').textContent === 'loading the past'")
    chart.until("chart.querySelector('.lw-notice').hidden")

    notebook.ask("store.slow_s = 0.0; store.down = 'no route to the server'")
    zoom_out(chart, 3)
    chart.until("chart.querySelector('.lw-notice').textContent.includes('no route')")
    frames = chart.frames()
    chart.until(f"Number(chart.dataset.frames) > {frames} + 5")
    notebook.screenshot(f"history-missing-{kernel}", chart.root)
    assert chart.notice().startswith("the past before ")
    notebook.ask("store.down = ''")


@ONE_KERNEL
def test_an_export_shows_a_bar_and_can_be_cancelled(notebook: Notebook, folder: Path) -> None:
    write(folder, 3_000_000, 1_000_000)
    target = folder.parent / "all.csv"
    notebook.set_cells(
        f"chart = make(store={str(folder)!r}); chart",
        f"chart.export({str(target)!r})",
    )
    notebook.run(0)
    notebook.start(1)
    cancel = notebook.page.get_by_role("button", name="Cancel", exact=True)
    cancel.wait_for(timeout=15_000)
    notebook.until("document.querySelector('.jp-OutputArea .widget-label:last-of-type') !== null")
    notebook.screenshot(f"history-export-{notebook.kernel}")
    cancel.click()
    notebook.until("lab.ran[1]", 15)
    (error,) = [o for o in notebook.outputs(1) if o["output_type"] == "error"]
    assert error["ename"] == "ExportCancelledError"
    cancel.wait_for(state="detached")
    notebook.screenshot(f"history-cancelled-{notebook.kernel}")
    assert not target.exists()
