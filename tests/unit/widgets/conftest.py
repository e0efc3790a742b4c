"""Charts without a browser: outside a kernel a comm sends to nobody."""

from __future__ import annotations

import pytest

from livewidget import LiveChart


@pytest.fixture
def make():
    """Make charts that are closed after the test."""
    made = []

    def make(*arguments, **options):
        chart = LiveChart(*arguments, **options)
        made.append(chart)
        return chart

    yield make
    for chart in made:
        chart.close()
