"""A chart in JupyterLab: what it shows, and what its buttons do."""

from __future__ import annotations

import re

import pytest

from .chart import COLOR, Chart
from .conftest import ONE_KERNEL
from .notebook import Notebook


@ONE_KERNEL
def test_a_planted_marker_is_read_back_from_the_pixels(notebook: Notebook) -> None:
    notebook.show(
        f"chart = make(window=10, colors=['{COLOR}']); display(chart)\n"
        "start = time.time_ns() - 9_000_000_000\n"
        "times = start + np.arange(900) * 10_000_000\n"
        "chart.push({'time': times, 'value': np.where(np.arange(900) == 450, 42.0, 10.0)})\n"
        "print(start / 1e6 + 4500)"
    )
    planted = float(notebook.printed())
    chart = Chart(notebook)
    chart.until("stats.points[0] > 2 && chart.dataset.frames > 0")
    value, at = chart.read_marker(f"marker-{notebook.kernel}")
    low, high = (chart.stats()[edge] for edge in ("low", "high"))
    assert value == pytest.approx(42, abs=2 * (high - low) / chart.stats()["area"]["height"])
    assert at == pytest.approx(planted, abs=2.5 * 10_000 / chart.stats()["area"]["width"])


def test_pausing_freezes_the_picture_and_not_the_capture(live: Chart) -> None:
    notebook = live.notebook
    live.press("Pause")
    live.until_state("paused")
    notebook.until_kernel("chart.paused")
    rows = notebook.ask("print(len(chart.to_dataframe()))")
    frozen = live.paths()
    notebook.until_kernel(f"len(chart.to_dataframe()) > {rows} + 50")
    assert live.paths() == frozen
    live.press("Resume")
    live.until_state("live")
    live.until("!chart.querySelector('.lw-notice').hidden")
    said = re.search(r"(\d+\.\d) s and (\d+) events passed", live.notice())
    assert said is not None, live.notice()
    assert int(said[2]) >= 50
    live.until_moving()
    live.until_now()


def test_the_window_changes_at_once_from_both_sides(live: Chart) -> None:
    live.choose("Time window", "5")
    live.until("Math.abs(stats.stop - stats.start - 5e9) < 1e6", 1)
    assert live.notebook.ask("print(chart.window)") == 5
    live.notebook.ask("chart.window = '30s'")
    live.until("Math.abs(stats.stop - stats.start - 30e9) < 1e6", 1)
    live.until("chart.querySelector('[aria-label=\"Time window\"]').value === '30'", 1)


def test_the_cap_holds(live: Chart) -> None:
    live.choose("Most frames a second", "5")
    live.notebook.until_kernel("chart.max_fps == 5")
    live.until_moving(2)
    assert 7 <= live.frames_in(2) <= 12
    live.choose("Most frames a second", "20")
    live.notebook.until_kernel("chart.max_fps == 20")
    live.until_moving(2)
    assert live.frames_in(2) >= 24


def test_the_sampling_rate_thins_what_enters_the_buffer(live: Chart) -> None:
    live.choose("Most events a second of each series", "10")
    live.notebook.until_kernel("chart.sampling_rate == 10")
    live.notebook.until_kernel("chart.stats()['filtered'] > 20")
    stats = live.notebook.ask("print(json.dumps(chart.stats(), default=str))")
    assert stats["received"] == sum(
        stats[fate] for fate in ("stored", "filtered", "rejected", "dropped", "in_flight")
    )


def test_a_bad_value_raises_and_changes_nothing(live: Chart) -> None:
    said = live.notebook.ask(
        "try:\n    chart.max_fps = 0\n"
        "except Exception as error: print(type(error).__name__, chart.max_fps)"
    )
    assert said == "TraitError 30\n"
    live.until_moving()


@ONE_KERNEL
def test_the_dark_theme_reaches_the_chart(live: Chart) -> None:
    notebook = live.notebook
    kernel = notebook.kernel
    light = notebook.screenshot(f"light-{kernel}", live.root)
    notebook.theme("JupyterLab Dark")
    live.until_moving()
    dark = notebook.screenshot(f"dark-{kernel}", live.root)
    notebook.theme("JupyterLab Light")
    assert light.mean() > 190
    assert dark.mean() < 80
    # Not all is dark: curves, ticks and text stand out of it.
    assert (dark.max(axis=2) > 120).mean() > 0.005


@ONE_KERNEL
def test_a_title_is_text(notebook: Notebook) -> None:
    notebook.show("chart = feed(make(title='<img src=x onerror=alert(1)><b>bold</b>')); chart")
    chart = Chart(notebook)
    chart.until_moving()
    assert "<b>bold</b>" in chart.root.locator(".lw-title").inner_text()
    assert chart.root.locator("img, b:text('bold')").count() == 0


@ONE_KERNEL
def test_zooming_stays_while_data_arrives_and_comes_back_to_live(live: Chart) -> None:
    plot = live.root.locator(".lw-plot")
    plot.hover()
    live.notebook.page.mouse.wheel(0, -400)
    live.until("stats.zoomed")
    live.until("stats.stop - stats.start < 9e9")
    start, _ = live.range_ms()
    live.notebook.until_kernel("len(chart.to_dataframe()) > 100")
    assert live.range_ms()[0] == pytest.approx(start, abs=1)
    live.press("Back to live")
    live.until("!stats.zoomed")
    live.until_now()


@ONE_KERNEL
def test_the_readout_tells_the_exact_value(live: Chart) -> None:
    live.press("Pause")
    live.until_state("paused")
    live.root.locator(".lw-plot").hover()
    live.until("!chart.querySelector('.lw-hover').hidden")
    shown = live.root.locator(".lw-readout .lw-value").inner_text().replace("\u2212", "-")
    values = live.notebook.ask("print(json.dumps(chart.to_dataframe()['value'].tolist()))")
    assert any(abs(float(shown) - value) < 1e-6 for value in values)
