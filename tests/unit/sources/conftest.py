import pytest

from livewidget.testing import ManualClock, RecordingOutlet, SourceRunner


@pytest.fixture
def outlet():
    return RecordingOutlet()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def running():
    async with SourceRunner() as runner:
        yield runner.start
