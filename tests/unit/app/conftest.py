import pytest

from livewidget.data.batch import concat
from livewidget.sinks import Sink
from livewidget.testing import ManualClock


class RecordingSink(Sink):
    """Keeps the batches and the moments; `hold_s` of the clock's seconds pass in each write."""

    name = "a recording"

    def __init__(self, clock):
        self.clock = clock
        self.batches = []
        self.moments = []
        self.hold_s = 0.0
        self.opened = self.closed = False
        self.error = None

    async def open(self):
        self.opened = True

    async def write(self, batch):
        if self.error is not None:
            raise self.error
        if self.hold_s:
            await self.clock.sleep(self.hold_s)
        self.batches.append(batch)
        self.moments.append(self.clock.monotonic())

    async def close(self):
        self.closed = True

    @property
    def all(self):
        return concat(self.batches)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def sink(clock):
    return RecordingSink(clock)
