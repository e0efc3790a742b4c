"""Where results go out: one file a product, opened, written to and closed in one way."""

from livewidget.sinks.base import Sink
from livewidget.sinks.file import FileSink
from livewidget.sinks.http import HttpSink
from livewidget.sinks.kafka import KafkaSink
from livewidget.sinks.mqtt import MqttSink
from livewidget.sinks.resolve import sink_for
from livewidget.sinks.sse import SseSink
from livewidget.sinks.websocket import WebSocketSink

__all__ = [
    "FileSink",
    "HttpSink",
    "KafkaSink",
    "MqttSink",
    "Sink",
    "SseSink",
    "WebSocketSink",
    "sink_for",
]
