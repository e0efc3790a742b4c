import asyncio
import contextlib
import threading

import pytest

from livewidget.testing import RecordingOutlet, WebSocketServer


@pytest.fixture
def outlet():
    return RecordingOutlet()


@pytest.fixture
def server():
    with WebSocketServer() as server:
        yield server


@pytest.fixture
async def running():
    """Start a source as a task and hand it back; nothing of it may outlive the test."""
    tasks = asyncio.all_tasks()
    async with contextlib.AsyncExitStack() as stack:

        def start(source, outlet):
            task = asyncio.create_task(source.run(outlet))
            stack.push_async_callback(_stopped, task)
            return task

        yield start
    assert not [each for each in threading.enumerate() if _is_worker(each)]
    assert asyncio.all_tasks() <= tasks | {asyncio.current_task()}


async def _stopped(task):
    task.cancel()
    await asyncio.wait([task])


def _is_worker(thread):
    # Servers of other fixtures have threads too, and asyncio's resolver.
    return thread.name.startswith("livewidget-source-")
