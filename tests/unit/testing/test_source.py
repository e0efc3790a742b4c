import asyncio
import threading

import pytest

from livewidget.data.errors import SchemaError
from livewidget.data.events import State
from livewidget.sources import Source
from livewidget.testing import ListSource, RecordingOutlet, SourceRunner, wait_for, wait_until


async def test_a_list_source_emits_in_order_and_ends():
    source, outlet = ListSource([{"a": 1}, [{"a": 2}, {"a": 3}]]), RecordingOutlet()
    await source.run(outlet)
    assert outlet.column("a") == [1, 2, 3]
    assert (source.emitted, source.stopped) == (2, True)
    assert outlet.states == [(State.LIVE, "", 0)]


async def test_a_list_source_can_hold_or_fail():
    with pytest.raises(OSError, match="gone"):
        await ListSource(error=OSError("gone")).run(RecordingOutlet())
    source = ListSource([{"a": 1}], hold=True)
    async with SourceRunner() as runner:
        task = runner.start(source, RecordingOutlet())
        await wait_for(lambda: source.emitted == 1)
        assert not task.done()
    assert source.stopped


class Leaky(Source):
    """Leaves a task, or a thread, as it goes."""

    def __init__(self, gate):
        self.gate = gate

    async def run(self, outlet):
        if isinstance(self.gate, asyncio.Event):
            self.kept = asyncio.create_task(self.gate.wait())
        else:
            threading.Thread(target=self.gate.wait, name="livewidget-source-leaky").start()


@pytest.mark.parametrize("make", [asyncio.Event, threading.Event])
async def test_the_runner_finds_what_a_source_leaves_behind(make):
    gate = make()
    runner = SourceRunner()
    await runner.__aenter__()
    await runner.start(Leaky(gate), RecordingOutlet())
    with pytest.raises(AssertionError, match="left behind"):
        await runner.__aexit__(None, None, None)
    gate.set()
    await wait_for(lambda: not [t for t in threading.enumerate() if "leaky" in t.name])


def test_a_recording_outlet_refuses_what_is_not_tabular():
    outlet = RecordingOutlet()
    assert outlet.emit({"a": [1, 2]}) == 2
    with pytest.raises(SchemaError):
        outlet.emit("text")
    outlet.reject("x", "because")
    outlet.gap(1, None, "why")
    assert outlet.rejected == [("x", "because")]
    assert outlet.gaps == [(1, None, "why")]


async def test_waiting_in_vain_says_for_what():
    with pytest.raises(TimeoutError, match=r"test_source\.py:\d+"):
        wait_until(lambda: False, timeout_s=0.01)
    with pytest.raises(TimeoutError, match=r"still not true after 0\.01 s"):
        await wait_for(lambda: False, timeout_s=0.01)
