"""livewidget: watch live data in a Jupyter notebook.

Importing this package loads no widget package: the four parts come on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from livewidget._version import __version__

if TYPE_CHECKING:
    from livewidget.app.background import produce_in_background
    from livewidget.app.produce import produce
    from livewidget.buffers.queue import Queue
    from livewidget.data.batch import Batch
    from livewidget.data.schema import Schema
    from livewidget.engine.buffer import BufferManager
    from livewidget.engine.monitor import PerformanceMonitor
    from livewidget.engine.recording import Recording
    from livewidget.engine.stream import Stream
    from livewidget.engine.streamer import DataStreamer
    from livewidget.widgets.chart import LiveChart
    from livewidget.widgets.performance import PerformanceWidget

_HOMES = {
    "Batch": "livewidget.data.batch",
    "BufferManager": "livewidget.engine.buffer",
    "DataStreamer": "livewidget.engine.streamer",
    "LiveChart": "livewidget.widgets.chart",
    "PerformanceMonitor": "livewidget.engine.monitor",
    "PerformanceWidget": "livewidget.widgets.performance",
    "Queue": "livewidget.buffers.queue",
    "Recording": "livewidget.engine.recording",
    "Schema": "livewidget.data.schema",
    "Stream": "livewidget.engine.stream",
    "produce": "livewidget.app.produce",
    "produce_in_background": "livewidget.app.background",
}

__all__ = [
    "Batch",
    "BufferManager",
    "DataStreamer",
    "LiveChart",
    "PerformanceMonitor",
    "PerformanceWidget",
    "Queue",
    "Recording",
    "Schema",
    "Stream",
    "__version__",
    "produce",
    "produce_in_background",
]


def __getattr__(name: str) -> Any:
    """Load a public part on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'livewidget' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
