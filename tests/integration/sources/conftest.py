import pytest

from livewidget.testing import HttpServer, RecordingOutlet, SourceRunner, WebSocketServer


@pytest.fixture
def outlet():
    return RecordingOutlet()


@pytest.fixture
def server():
    with WebSocketServer() as server:
        yield server


@pytest.fixture
def http():
    with HttpServer() as server:
        yield server


@pytest.fixture
async def running():
    async with SourceRunner() as runner:
        yield runner.start
