"""Where data comes in: one file a product, and the connection care around them."""

from livewidget.sources.allow_list import allow
from livewidget.sources.auth import ApiKey, Auth, Basic, Bearer
from livewidget.sources.base import LoopClock, Outlet, Source
from livewidget.sources.certificates import tls
from livewidget.sources.fallback import Failover, Fallback
from livewidget.sources.files import FileSource
from livewidget.sources.hub import WebSocketHub
from livewidget.sources.kafka import KafkaSource
from livewidget.sources.machine import Machine
from livewidget.sources.mqtt import MqttSource
from livewidget.sources.oauth import OAuth2
from livewidget.sources.poll import PollSource
from livewidget.sources.recording import ReplayFile
from livewidget.sources.redundant import HotHot, Shards
from livewidget.sources.resolve import resolve
from livewidget.sources.sse import SseSource
from livewidget.sources.synthetic import Synthetic
from livewidget.sources.websocket import WebSocketSource

__all__ = [
    "ApiKey",
    "Auth",
    "Basic",
    "Bearer",
    "Failover",
    "Fallback",
    "FileSource",
    "HotHot",
    "KafkaSource",
    "LoopClock",
    "Machine",
    "MqttSource",
    "OAuth2",
    "Outlet",
    "PollSource",
    "ReplayFile",
    "Shards",
    "Source",
    "SseSource",
    "Synthetic",
    "WebSocketHub",
    "WebSocketSource",
    "allow",
    "resolve",
    "tls",
]
