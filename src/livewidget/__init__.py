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
    from livewidget.engine.alerts.bus import EventBus
    from livewidget.engine.alerts.manager import AlertManager
    from livewidget.engine.buffer import BufferManager
    from livewidget.engine.checkpoint import Checkpoints
    from livewidget.engine.joined import align, join_asof, join_within, union
    from livewidget.engine.monitor import PerformanceMonitor
    from livewidget.engine.recording import Recording
    from livewidget.engine.stream import Stream
    from livewidget.engine.streamer import DataStreamer
    from livewidget.pipeline.alerts.rule import Rule
    from livewidget.widgets.alert_panel import AlertPanel
    from livewidget.widgets.chart import LiveChart
    from livewidget.widgets.heatmap import LiveHeatMap
    from livewidget.widgets.performance import PerformanceWidget
    from livewidget.widgets.scatter import LiveScatter

_HOMES = {
    "AlertManager": "livewidget.engine.alerts.manager",
    "AlertPanel": "livewidget.widgets.alert_panel",
    "Batch": "livewidget.data.batch",
    "BufferManager": "livewidget.engine.buffer",
    "Checkpoints": "livewidget.engine.checkpoint",
    "DataStreamer": "livewidget.engine.streamer",
    "EventBus": "livewidget.engine.alerts.bus",
    "LiveChart": "livewidget.widgets.chart",
    "LiveHeatMap": "livewidget.widgets.heatmap",
    "LiveScatter": "livewidget.widgets.scatter",
    "PerformanceMonitor": "livewidget.engine.monitor",
    "PerformanceWidget": "livewidget.widgets.performance",
    "Queue": "livewidget.buffers.queue",
    "Recording": "livewidget.engine.recording",
    "Rule": "livewidget.pipeline.alerts.rule",
    "Schema": "livewidget.data.schema",
    "Stream": "livewidget.engine.stream",
    "align": "livewidget.engine.joined",
    "join_asof": "livewidget.engine.joined",
    "join_within": "livewidget.engine.joined",
    "produce": "livewidget.app.produce",
    "produce_in_background": "livewidget.app.background",
    "union": "livewidget.engine.joined",
}

__all__ = [
    "AlertManager",
    "AlertPanel",
    "Batch",
    "BufferManager",
    "Checkpoints",
    "DataStreamer",
    "EventBus",
    "LiveChart",
    "LiveHeatMap",
    "LiveScatter",
    "PerformanceMonitor",
    "PerformanceWidget",
    "Queue",
    "Recording",
    "Rule",
    "Schema",
    "Stream",
    "__version__",
    "align",
    "join_asof",
    "join_within",
    "produce",
    "produce_in_background",
    "union",
]


def __getattr__(name: str) -> Any:
    """Load a public part on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'livewidget' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
