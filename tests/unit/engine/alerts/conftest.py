import threading

import pytest

from livewidget.engine.alerts.alert import Alert, Notice
from livewidget.engine.thread import Engine

S = 10**9


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def notice():
    def made(number, state="firing", priority="warning"):
        alert = Alert("hot", "a", state, priority, 41.5, number * S, number * S, "it is hot")
        return Notice({"rule": "hot"}, (alert,), number * S)

    return made


@pytest.fixture
def release():
    """What a function that hangs waits for; the threads go with the test."""
    event = threading.Event()
    yield event
    event.set()
