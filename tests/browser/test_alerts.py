"""Analytics and alerts on the page: bands, markers, the banner, the panel."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import numpy as np

from .axe import barriers
from .chart import Chart
from .conftest import ONE_KERNEL
from .notebook import pixels

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from .notebook import Notebook


# A forecast with its band, anomalies and a drift, as analytic operators name their columns.
ANALYTICS = """
from types import SimpleNamespace
from livewidget import AlertPanel, DataStreamer
from livewidget.engine.alerts.manager import AlertManager
from livewidget.pipeline.alerts.event import ALERTS

now = time.time_ns()
n = 600
times = now - np.arange(n, 0, -1) * 50_000_000
t = np.arange(n)
value = 20 + 4 * np.sin(t / 40) + np.random.default_rng(3).normal(0, 0.35, n)
odd = np.isin(t, [120, 121, 300, 455])
value[odd] += [5, 4.6, -6, 6]
smooth = 20 + 4 * np.sin(t / 40)
rows = {
    "time": times, "temperature": value,
    "expected": smooth, "low": smooth - 1.4, "high": smooth + 1.4,
    "anomaly": np.where(odd, value, np.nan),
    "anomaly_score": np.where(odd, 9.0, 0.5),
    "drift": np.where(t == 380, value, np.nan),
}
# What is forecast lies ahead: there is no value yet.
ahead = np.arange(60)
later = {name: np.full(60, np.nan) for name in rows} | {
    "time": now + ahead * 50_000_000,
    "forecast": 20 + 4 * np.sin((n + ahead) / 40),
    "forecast_low": 20 + 4 * np.sin((n + ahead) / 40) - 0.5 - ahead / 30,
    "forecast_high": 20 + 4 * np.sin((n + ahead) / 40) + 0.5 + ahead / 30,
}
rows |= {name: np.full(n, np.nan) for name in later if name not in rows}
"""

SHOW = """
chart = LiveChart(x="time", y=[name for name in rows if name != "time"], window=34,
                  title="Cooling water", y_label="°C")
charts.append(chart)
transitions = DataStreamer(schema=ALERTS)
manager = AlertManager()
manager.watch(transitions, output=None)
chart.show_alerts(manager)
panel = AlertPanel(manager, title="Alerts")
boxes += [panel, manager, SimpleNamespace(close=transitions.stop)]
display(chart, panel)
"""

LATER = """
chart.push(rows)
chart.push(later)
"""

FIRE = """
def tell(rule, key, state, priority, message, ago, since=None):
    since = ago if since is None else since
    transitions.push({
        "time": now - int(ago * 1e9), "since": now - int(since * 1e9), "rule": rule, "key": key,
        "state": state, "priority": priority, "value": 104.2, "message": message,
    })

tell("gone", "sensor-3", "firing", "warning", "nothing for 12 s", 26)
tell("gone", "sensor-3", "resolved", "warning", "nothing for 12 s", 20, 26)
tell("hot", "sensor-17", "firing", "critical", "104.2 °C is above 100 °C", 7)
tell("drift", "sensor-9", "firing", "info", "the mean moved by 3.1", 4)
tell("gone", "sensor-4", "pending", "warning", "nothing for 31 s", 2)
"""


def cooling(notebook: Notebook) -> tuple[Chart, Locator]:
    """The chart and the panel, with all data there."""
    notebook.ask(ANALYTICS)
    notebook.show(SHOW.strip())
    notebook.ask(LATER)
    chart = Chart(notebook)
    chart.until("stats.points[0] > 100 && chart.dataset.frames > 0")
    return chart, notebook.page.locator(".lw-panel")


def marks(chart: Chart, name: str) -> int:
    """How many closed or open pieces a layer's path has."""
    paths = chart.root.locator(f"path.lw-{name}")
    return sum((path.get_attribute("d") or "").count("M") for path in paths.all())


@ONE_KERNEL
def test_analytics_look_right_by_the_names_of_their_columns(notebook: Notebook) -> None:
    chart, _ = cooling(notebook)
    legend = chart.root.locator(".lw-series .lw-name").all_inner_texts()
    assert legend == ["temperature", "expected", "anomaly", "anomaly_score", "drift", "forecast"]
    assert (marks(chart, "band"), marks(chart, "dashed")) == (2, 2)
    assert (marks(chart, "rings"), marks(chart, "diamonds")) == (4, 1)
    # The lone curve of bqplot's own is the temperature's.
    assert [path != "" for path in chart.paths()].count(True) == 1
    chart.root.get_by_role("button", name=re.compile("^forecast")).click()
    chart.until("chart.querySelectorAll('path.lw-band')[1].getAttribute('d') === ''")
    notebook.ask("chart.styles = {'expected': 'line', 'anomaly': 'hidden'}")
    chart.until("!chart.querySelector('path.lw-rings')")
    assert [path != "" for path in chart.paths()].count(True) == 2


def test_alerts_are_seen_heard_and_answered(notebook: Notebook) -> None:
    chart, panel = cooling(notebook)
    output = notebook.page.locator(".jp-OutputArea").first
    banner = chart.root.locator(".lw-banner")
    assert banner.inner_text() == "No alert fires"
    assert "No alerts. 1 stream is watched." in panel.inner_text()
    notebook.ask(FIRE)
    banner.locator(".lw-alert").nth(1).wait_for()
    assert (marks(chart, "span"), marks(chart, "flag"), marks(chart, "rule")) == (3, 3, 3)
    assert "104.2 °C is above" in chart.root.locator("[role=alert]").inner_text()
    assert "hot · sensor-17" in (chart.root.locator(".lw-plot").get_attribute("aria-label") or "")
    assert panel.locator("tbody tr").count() == 4
    for theme in ("Dark", "Light"):
        notebook.theme(f"JupyterLab {theme}")
        notebook.screenshot(f"alerts-{theme.lower()}-{notebook.kernel}", output)
        assert barriers(notebook) == [], theme

    panel.get_by_role("button", name="Acknowledge: hot · sensor-17").click()
    notebook.until_kernel("any(each.acknowledged for each in manager.alerts)")
    notebook.page.get_by_text("hot · sensor-17", exact=True).and_(banner.locator("b")).wait_for(
        state="detached"
    )
    banner.get_by_role("button", name="Silence 1 h: drift · sensor-9").click()
    notebook.until_kernel("any(each.silenced for each in manager.alerts)")
    panel.get_by_role("button", name="Unsilence: drift · sensor-9").wait_for()
    # The panel is told by its traits, the banner by the chart's next frame.
    banner.get_by_text("2 firing, acknowledged or silenced", exact=True).wait_for()
    assert banner.get_by_role("button").count() == 0, "nothing is left to answer"
    panel.get_by_label("Filter by text").fill("sensor-4")
    assert panel.locator("tbody tr").count() == 1
    panel.get_by_label("State", exact=True).select_option("resolved")
    assert "None of 4 alerts fits the filter." in panel.inner_text()


@ONE_KERNEL
def test_a_picture_has_bands_markers_and_alerts(notebook: Notebook) -> None:
    chart, _ = cooling(notebook)
    notebook.ask(FIRE)
    chart.root.locator(".lw-banner .lw-alert").nth(1).wait_for()
    picture = notebook.ask(
        "import base64; print(base64.b64encode(chart.save_png('alerts.png').read_bytes()).decode())"
    )
    drawn = pixels(base64.b64decode(picture))
    assert drawn.shape[1] > 300
    # The ring's vermilion, the flag's red, a diamond's magenta.
    for color in ((213, 94, 0), (214, 69, 69), (192, 57, 139)):
        assert (np.abs(drawn.astype(int) - color).sum(axis=2) < 40).sum() > 5, color
