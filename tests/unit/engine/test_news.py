"""A beat that finds nothing new does nothing, and misses nothing: held to one that always looks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.engine.session import ChartSession
from livewidget.monitor.ladder import M4, MINMAX, Setting
from livewidget.view.view import View

from .rig import Rig

S = 1_000_000_000


def push(rig, count):
    now = rig.clock.now()
    times = [now - (count - 1 - n) * 1_000_000 for n in range(count)]
    rig.streamers[1].push({"time": times, "y": [float(t % 997) for t in times]})


def gap(rig, n):
    """Up to what comes next, or one that is over already."""
    now = rig.clock.now()
    start, stop = (None, None) if n % 2 else (now - n * S, now - n * S // 2)
    rig.streamers[1]._line.intake.gap(start, stop, "planted")


def zoom(rig, back):
    now, span = rig.clock.now(), None
    if back:
        span = [str(now - (back + 1) * S), str(now - back * S)]
    rig.say("range", chart=1, token=back, range=span)


def pause(rig, on):
    session = rig.sessions[1]
    session.pause(rig.clock.now()) if on else session.resume(rig.clock.now())
    rig.hub.wake(1)


def grain(rig, coarser):
    setting = Setting(fps=20.0, coarser=coarser % 2, detail=M4 if coarser > 1 else MINMAX)
    rig.sessions[1].draw_by(setting)


ACTS = {
    "push": lambda rig, n: push(rig, n * n + 1),
    "rest": lambda rig, n: rig.engine.run(n / 4),
    "gap": gap,
    "zoom": zoom,
    "pause": lambda rig, n: pause(rig, n % 2),
    "grain": grain,
    "window": lambda rig, n: rig.sessions[1].set_window(1 + n),
    "width": lambda rig, n: rig.view(width=200 + 100 * n),
    "hide": lambda rig, n: rig.view(visible=bool(n % 2)),
    "snapshot": lambda rig, _: rig.say("snapshot", chart=1, have=0),
    "stored": lambda rig, n: (push(rig, n + 1), rig.streamers[1].drain()),
    "ack": lambda rig, _: rig.ack(),
}


def packets(acts, *, always):
    with pytest.MonkeyPatch.context() as patch:
        if always:
            patch.setattr(ChartSession, "has_news", True)
        rig = Rig()
        rig.chart(window=3.0)
        rig.view()
        for name, n in acts:
            ACTS[name](rig, n)
            rig.engine.run(0.07)
        return rig.packets()


@settings(deadline=None, max_examples=150)
@given(acts=st.lists(st.tuples(st.sampled_from(list(ACTS)), st.integers(0, 5)), max_size=25))
def test_what_is_sent_is_what_would_be_if_each_beat_looked(acts):
    assert packets(acts, always=False) == packets(acts, always=True)


def test_a_beat_without_news_asks_no_view(monkeypatch):
    rig = Rig()
    rig.chart()
    rig.view()
    rig.live(1)
    asked = []
    frame = View.frame
    monkeypatch.setattr(
        View, "frame", lambda self, *a, **k: asked.append(1) or frame(self, *a, **k)
    )
    rig.live(4, push=False)
    assert len(asked) <= 1
    rig.live(1)
    assert len(asked) > 10
