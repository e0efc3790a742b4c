"""A frame costs what is new, not what is in the window; a rebuild after a zoom is near M4."""

from __future__ import annotations

import numpy as np
from tsdownsample import M4Downsampler

from benchmarks.browser import LINE, PROBE, ROOT, browser_of, lab_of, watch
from benchmarks.harness import Figure, Outcome, Plot, cpu_seconds, interleaved, quartiles, ratios
from benchmarks.rig import WIDTH, Chart
from livewidget.data.viewport import Viewport

ROWS_S = 300  # that come while the page is watched, whatever the window holds
CELL = """
import sys, time
sys.path.append({root!r})
from benchmarks.rig import Feed, live
from livewidget import LiveChart
until = time.time_ns()
past = Feed(1, {points} / 60, until - 60_000_000_000)
chart = LiveChart(live(Feed(1, {rate}, until), {rate}), window=60, max_points=2 * {points})
for begun in range(0, {points}, 1_000_000):
    chart.push(past.columns(min(1_000_000, {points} - begun)))
chart
"""
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
NEW_ROWS = (10, 1_000)


def measure(*, quick: bool) -> Outcome:
    """Compare frames at four window sizes with M4 over the whole window, and zooms."""
    charts = {size: Chart(1, size) for size in SIZES}
    figures, lines = [], {}
    for rows in NEW_ROWS:
        jobs = {str(size): _framing(chart, rows) for size, chart in charts.items()}
        times = interleaved(jobs, rounds=60 if quick else 400, warm_up=20)
        smallest, largest = times[str(SIZES[0])], times[str(SIZES[-1])]
        low, middle, high = ratios(largest, smallest)
        figures.append(
            Figure(
                f"frame with {rows:,} new rows: 10,000,000 points in the window over 10,000",
                middle,
                "x",
                f"{_us(smallest):.0f} us at 10,000, {_us(largest):.0f} us at 10,000,000",
                1.1,
                low=low,
                high=high,
            )
        )
        lines[f"frame, {rows:,} new rows"] = [(size, _us(times[str(size)])) for size in SIZES]
    figures.append(_in_the_browser(quick=quick))
    figures += _against_m4(charts[SIZES[-1]], 11 if quick else 41)
    lines["M4 over the window"] = [
        (size, 1e6 * _median_m4(chart, 5 if quick else 15)) for size, chart in charts.items()
    ]
    plot = Plot("Cost of a frame", "points in the window", "us", lines=lines, log="xy")
    note = (
        f"One series, {WIDTH} pixels, 60 s window. A frame is the drain of what was pushed, the "
        "view's update, its diff and the encoding. In the browser "
        f"{ROWS_S} rows/s come, and a frame is what the chart's drawing takes the main thread. M4 "
        "is tsdownsample's, to four points a pixel."
    )
    return Outcome("A frame costs what is new", figures, [plot], note)


def _in_the_browser(*, quick: bool) -> Figure:
    """Compare what a frame takes the page's main thread, at the two ends of the sizes."""
    costs = {}
    with browser_of() as browser, lab_of() as lab:
        for points in (SIZES[0], SIZES[-1]):
            cell = CELL.format(root=str(ROOT), points=points, rate=ROWS_S)
            costs[points] = watch(browser, lab, cell, LINE, PROBE, 5.0 if quick else 15.0)["cost"]
    small, large = (quartiles(each) for each in costs.values())
    return Figure(
        "main thread of a frame: 10,000,000 points in the window over 10,000",
        large[1] / small[1],
        "x",
        f"{small[1]:.2f} ms at 10,000, {large[1]:.2f} ms at 10,000,000",
        1.1,
    )


def _framing(chart: Chart, rows: int):  # noqa: ANN202
    return lambda: chart.timed_frame(rows)


def _block(chart: Chart) -> float:
    """Return the mean of ten frames: one alone would pay for the caches that M4 has emptied."""
    return sum(chart.timed_frame(1_000) for _ in range(10)) / 10


def _us(times: list[float]) -> float:
    return 1e6 * quartiles(times)[1]


def _m4(chart: Chart) -> float:
    """Return the seconds that M4 takes over the chart's whole window."""
    lease = chart.streamer.buffer.lease()
    assert lease is not None
    values = np.ascontiguousarray(lease.column("s0"))
    return cpu_seconds(lambda: M4Downsampler().downsample(lease.times, values, n_out=4 * WIDTH))


def _median_m4(chart: Chart, rounds: int) -> float:
    return quartiles([_m4(chart) for _ in range(rounds)])[1]


def _zoom(chart: Chart, turn: list[int]) -> float:
    """Look at another range that holds nearly all points, and time the frame that shows it."""
    times = chart.streamer.buffer.ring.lease().times  # type: ignore[union-attr]
    turn[0] += 1
    chart.session.look(Viewport(WIDTH, (int(times[turn[0]]), int(times[-1])), turn[0]))
    return cpu_seconds(chart.frame)


def _against_m4(chart: Chart, rounds: int) -> list[Figure]:
    jobs = {"frame": lambda: _block(chart), "m4": lambda: _m4(chart)}
    times = interleaved(jobs, rounds)
    low, middle, high = ratios(times["frame"], times["m4"])
    reference = f"M4 over 10,000,000 points: {1e3 * quartiles(times['m4'])[1]:.2f} ms"
    frame = Figure(
        "frame at 10,000,000 points over M4", middle, "x", reference, 1 / 20, low=low, high=high
    )
    turn = [0]
    times = interleaved({"zoom": lambda: _zoom(chart, turn), "m4": lambda: _m4(chart)}, rounds)
    chart.session.look(Viewport(WIDTH))
    low, middle, high = ratios(times["zoom"], times["m4"])
    took = 1e3 * quartiles(times["zoom"])[1]
    reference = f"{took:.2f} ms; M4 {1e3 * quartiles(times['m4'])[1]:.2f} ms"
    name = "rebuild after a zoom over 10,000,000 points over M4"
    return [frame, Figure(name, middle, "x", reference, 3, low=low, high=high)]
