"""The figures by themselves: over a chart, over a streamer."""

import ipywidgets
import pytest

from livewidget import DataStreamer, PerformanceWidget
from livewidget.data.errors import SettingError
from livewidget.testing import ListSource
from livewidget.widgets import kernel


def widgets():
    return len(ipywidgets.widgets.widget._instances)


def test_over_a_chart_it_shows_that_charts_status(make):
    chart = make(y="a", title="Prices")
    shown = PerformanceWidget(chart)
    assert (shown.chart, shown.title) == (chart.chart, "Prices")
    assert shown.link is chart.link
    shown.close()
    assert chart.push(a=1.0) == 1


def test_over_a_streamer_it_is_watched_and_not_drawn():
    with DataStreamer(ListSource(hold=True, name="sensors")) as streamer:
        shown = PerformanceWidget(streamer)
        session = shown._hub.engine.call(lambda: shown._hub.session(shown.chart))
        assert shown.title == "sensors"
        assert session.advance() is None
        shown.close()
        assert shown._hub.engine.call(lambda: shown._hub.session(shown.chart)) is None
        assert streamer.push({"a": 1.0}) == 1


def test_close_frees_its_comms_and_may_come_again():
    kernel.shared()
    before = widgets()
    with DataStreamer() as streamer:
        for _ in range(20):
            shown = PerformanceWidget(streamer)
            shown.close()
            shown.close()
    assert widgets() == before


@pytest.mark.parametrize("subject", [None, 3, "chart"])
def test_anything_else_is_refused(subject):
    with pytest.raises(SettingError, match="a LiveChart, a DataStreamer or the PerformanceMonitor"):
        PerformanceWidget(subject)
