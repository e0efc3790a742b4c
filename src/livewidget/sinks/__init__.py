"""Where results go out: one file a product, opened, written to and closed in one way."""

from livewidget.sinks.base import Sink
from livewidget.sinks.elastic import ElasticSink
from livewidget.sinks.file import FileSink
from livewidget.sinks.function import FunctionSink
from livewidget.sinks.http import HttpSink
from livewidget.sinks.kafka import KafkaSink
from livewidget.sinks.mqtt import MqttSink
from livewidget.sinks.parquet import ParquetSink
from livewidget.sinks.postgres import PostgresSink
from livewidget.sinks.redis import RedisSink
from livewidget.sinks.resolve import sink_for
from livewidget.sinks.sse import SseSink
from livewidget.sinks.webhook import WebhookSink
from livewidget.sinks.websocket import WebSocketSink

__all__ = [
    "ElasticSink",
    "FileSink",
    "FunctionSink",
    "HttpSink",
    "KafkaSink",
    "MqttSink",
    "ParquetSink",
    "PostgresSink",
    "RedisSink",
    "Sink",
    "SseSink",
    "WebSocketSink",
    "WebhookSink",
    "sink_for",
]
