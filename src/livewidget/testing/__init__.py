"""Test helpers for livewidget and for what is built on it: no sleeps, faults on demand."""

from livewidget.testing.clock import ManualClock
from livewidget.testing.elastic import ElasticServer
from livewidget.testing.http import HttpServer
from livewidget.testing.kafka import KafkaServer
from livewidget.testing.mqtt import MqttBroker
from livewidget.testing.outlet import RecordingOutlet
from livewidget.testing.postgres import PostgresServer
from livewidget.testing.proxy import FaultProxy
from livewidget.testing.redis import RedisServer
from livewidget.testing.runner import SourceRunner
from livewidget.testing.source import ListSource
from livewidget.testing.splitting import lines, sse_events, websocket_messages
from livewidget.testing.store import LastingStore, ListStore
from livewidget.testing.transport import RecordingTransport
from livewidget.testing.waiting import wait_for, wait_until
from livewidget.testing.websocket import WebSocketServer

__all__ = [
    "ElasticServer",
    "FaultProxy",
    "HttpServer",
    "KafkaServer",
    "LastingStore",
    "ListSource",
    "ListStore",
    "ManualClock",
    "MqttBroker",
    "PostgresServer",
    "RecordingOutlet",
    "RecordingTransport",
    "RedisServer",
    "SourceRunner",
    "WebSocketServer",
    "lines",
    "sse_events",
    "wait_for",
    "wait_until",
    "websocket_messages",
]
