"""Charts made and closed by the hundred leave nothing in the kernel."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_client import BlockingKernelClient

CHARTS = 500
ROUND = 50
MB = 1_000_000

PRELUDE = """
import gc, json, threading, time
import numpy as np
import psutil
from comm import get_comm_manager
from livewidget import LiveChart
"""
MAKE = f"""
for _ in range({ROUND}):
    chart = LiveChart(window=5)
    chart.push({{"time": time.time_ns() + np.arange(1000), "value": np.arange(1000.0)}})
    chart.streamer.drain()
    chart.close()
del chart
gc.collect()
print(json.dumps([
    psutil.Process().memory_info().rss, threading.active_count(), len(get_comm_manager().comms)
]))
"""


@pytest.fixture
def client() -> Iterator[BlockingKernelClient]:
    """A kernel without a page: what a page costs is measured in the browser tests."""
    jupyter_client = pytest.importorskip("jupyter_client", reason="jupyter_client is missing")
    manager = jupyter_client.KernelManager()
    manager.kernel_spec.argv[0] = sys.executable
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.timeout(600)
def test_500_charts_leave_no_memory_thread_or_comm(
    client: BlockingKernelClient, record_property: Callable[[str, object], None]
) -> None:
    _run(client, PRELUDE)
    rounds = [json.loads(_run(client, MAKE)) for _ in range(CHARTS // ROUND)]
    memory, threads, comms = (list(each) for each in zip(*rounds, strict=True))
    record_property(f"kernel MB after each {ROUND}", [round(each / MB, 1) for each in memory])
    record_property("threads", threads)
    record_property("comms", comms)
    assert len(set(threads)) == 1
    assert len(set(comms)) == 1
    # The first hundred fill caches; after them a chart may not cost 25 kB.
    assert memory[-1] - memory[1] < (CHARTS - 2 * ROUND) * 25_000


def _run(client: BlockingKernelClient, code: str) -> str:
    """Return what a cell printed. AssertionError where it raised."""
    printed: list[str] = []

    def hear(message: dict[str, dict[str, str]]) -> None:
        if message["header"]["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=300, output_hook=hear)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(printed)
