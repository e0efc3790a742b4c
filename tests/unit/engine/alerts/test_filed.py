"""Alerts in a stream file: who is told, and what lasts over a restart."""

from __future__ import annotations

import pytest

from livewidget.data.errors import SettingError
from livewidget.engine.alerts import filed
from livewidget.engine.alerts.handlers import Callback
from livewidget.engine.plan import Plan
from livewidget.engine.thread import Engine
from livewidget.testing import wait_until

FILE = """
[stream]
max_ahead = 1e12

[buffer]
store = "rows"

[[pipeline]]
do = "alert"
rules = ["hot: temperature > 100"]

[alerts]
group_wait = "0s"
group_interval = "100ms"
repeat_interval = "1h"

[[alerts.handler]]
kind = "told"
"""
TOLD: list[tuple[str, str]] = []


def told() -> Callback:
    return Callback(
        lambda notice: TOLD.extend((alert.rule, alert.state) for alert in notice.alerts), "told"
    )


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setitem(filed.HANDLERS, "told", told)
    TOLD.clear()

    def write(text):
        path = tmp_path / "stream.toml"
        path.write_text(text)
        return path

    return write


def rows(*temperatures, first=0):
    times = [1.7e9 + first + place for place in range(len(temperatures))]
    return {"time": times, "temperature": list(temperatures)}


def test_a_handler_of_the_file_is_told_and_a_restart_tells_nothing_twice(write, engine):
    path = write(FILE)
    streamer = Plan.load(path).open(engine=engine)
    streamer.start()
    streamer.push(rows(90, 101, 102))
    wait_until(lambda: TOLD == [("hot", "firing")])
    streamer.stop()
    again = Plan.load(path).open(engine=engine)
    again.push(rows(103, 104, first=3))
    wait_until(lambda: again.account().stored >= 2)
    again.push(rows(90, first=5))
    wait_until(lambda: ("hot", "resolved") in TOLD)
    again.stop()
    assert TOLD == [("hot", "firing"), ("hot", "resolved")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[alerts]\ngroup_by = ["colour"]\n', r"stream\.toml, line 1.*group_by"),
        ("[alerts]\npatience = 3\n", "line 1.*patience"),
        ('[[alerts.handler]]\nkind = "pigeon"\n', "line 2.*kind is one of.*got 'pigeon'"),
        ('[[alerts.handler]]\nkind = "webhook"\n', "line 1.*url"),
        ('[alerts]\nhandler = "log"\n', "expected a table of settings, got 'log'"),
    ],
)
def test_what_is_wrong_names_its_line(write, text, message):
    with pytest.raises(SettingError, match=message):
        Plan.load(write(text))


def test_delivery_is_set_with_the_output(write, tmp_path, engine):
    text = '[[output]]\nto = "out.jsonl"\nbatch_rows = 5\nwhen_full = "drop_oldest"\n'
    streamer = Plan.load(write(text)).open(engine=engine)
    assert streamer.outputs[0]._delivery.batch_rows == 5
    streamer.stop()
    with pytest.raises(
        SettingError, match=r"line 1.*batch_rows is a whole number from 1 up, got 0"
    ):
        Plan.load(write('[[output]]\nto = "out.jsonl"\nbatch_rows = 0\n'))
