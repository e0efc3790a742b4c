"""docs/troubleshooting.md has a section for each sentence that the code can say, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from livewidget.buffers.advice import _CHECKS as BUFFER_CHECKS
from livewidget.buffers.advice import Figures, Lag, advise
from livewidget.monitor.advice import _CHECKS as CHART_CHECKS
from livewidget.monitor.advice import limit
from livewidget.monitor.bottleneck import _TEXTS
from livewidget.monitor.stages import Stage

PAGE = Path(__file__).parents[2] / "docs/troubleshooting.md"
SECTION = re.compile(r"^### (.+)\n\n((?:.+\n)+)", re.MULTILINE)
WELL = {
    "state": "live", "detail": "", "attempt": 3, "rejected": 0, "paused": False, "loop": "closed",
    "buffer": {}, "dropped": 0, "fps": 30.0, "cap": 30, "draw_ms": 5.0, "frame_rate": 30.0,
    "rate": 100.0, "queued": 0,
}  # fmt: skip
STORE = {"store": "failing", "store_detail": "disk full", "store_waiting": 12_000}
BUSY = {"busy": 0.98, "arrived": 30.0, "served": 12.0}
# What bounds the rate, in each stage's words.
STAGES = [
    Stage(name="pipeline", label="filter", busy=0.98, served=1_250.0, queue=1_700, growth=690.0),
    Stage(name="buffer", label="buffer", state="full"),
    Stage(name="store", label="store", state="failing", queue=12_000),
    Stage(name="frames", label="frames", **BUSY),
    Stage(name="link", label="link", **BUSY),
    Stage(name="browser", label="browser", **BUSY),
    Stage(name="source", label="source", served=40.0),
]
LIMITS = [_TEXTS[each.name](each, {}) for each in STAGES]
# What makes the chart say each of its sentences, beside a chart that is well.
CHART = [
    {"undrawn": "no column holds numbers: the columns are ['time', 'text']"},
    {"state": "waiting"},
    {"state": "waiting", "rejected": 12, "detail": "no column 'price'"},
    {"state": "suspended"},
    {"state": "reconnecting"},
    {"state": "stale", "detail": "no data for 8 s"},
    {"state": "ended"},
    {"state": "failed", "detail": "401 Unauthorized"},
    {"paused": True},
    {"loop": "open"},
    {"buffer": STORE},
    {"findings": [{"kind": "bottleneck", "level": "warning", "text": LIMITS[0]}]},
    {"dropped": 1_200, "queue_capacity": 100_000},
    {"dropped": 1_200},
    {"queued": 60_000, "queue_capacity": 100_000},
    {"fps": 12.0, "draw_ms": 45.0},
    {"fps": 12.0},
    {"fps": 0.0, "frame_rate": 0.0},
    {"frame_rate": 2.0, "fps": 2.0},
    {},
]
BUFFER = [
    Figures(store_error="disk full", spooled=12_000),
    Figures(wants=600_000_000, allowance=256_000_000, budget=10**9),
    Figures(rate=1_100, window_s=60, capacity=22_000),
    Figures(dropped={"overflow": 1_200}, high_water=1_000, capacity=1_000),
    Figures(late=60, too_late=40, horizon_s=2, latest_s=7.5),
    Figures(lags={"report": Lag(5_000, 5, lapsed=True)}),
    Figures(lags={"report": Lag(5_000, 5, missed=120)}),
    Figures(compression=1.05, compressed_rows=20_000),
]


def _sections() -> dict[str, str]:
    return dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))


def _said() -> list[str]:
    said = [limit(WELL | what) for what in CHART]
    said += [sentence for figures in BUFFER for sentence in advise(figures)]
    return said + LIMITS[1:]  # the first is among what a chart says


def test_each_sentence_that_is_said_has_its_section_and_no_section_is_of_none() -> None:
    assert list(_sections()) == _said()


def test_every_check_of_the_code_is_among_them() -> None:
    for check in CHART_CHECKS:
        assert any(check(WELL | what) for what in CHART), check.__name__
    for found in BUFFER_CHECKS:
        assert any(list(found(figures)) for figures in BUFFER), found.__name__


@pytest.mark.parametrize("sentence", _sections())
def test_a_section_says_what_it_means_how_to_see_it_and_what_to_do(sentence) -> None:
    text = _sections()[sentence]
    assert [*re.findall(r"^- \*\*(\w+)\*\*: \S", text, re.MULTILINE)] == ["Means", "See", "Do"]
