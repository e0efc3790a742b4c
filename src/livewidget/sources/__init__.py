"""Where data comes in: one file a product, and the connection care around them."""

from livewidget.sources.base import LoopClock, Outlet, Source
from livewidget.sources.kafka import KafkaSource
from livewidget.sources.machine import Machine
from livewidget.sources.mqtt import MqttSource
from livewidget.sources.poll import PollSource
from livewidget.sources.resolve import resolve
from livewidget.sources.sse import SseSource
from livewidget.sources.synthetic import Synthetic
from livewidget.sources.websocket import WebSocketSource

__all__ = [
    "KafkaSource",
    "LoopClock",
    "Machine",
    "MqttSource",
    "Outlet",
    "PollSource",
    "Source",
    "SseSource",
    "Synthetic",
    "WebSocketSource",
    "resolve",
]
