"""An MQTT publisher, by aiomqtt (the extra `mqtt`)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

from livewidget.codecs.encode import encoder_for
from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SettingError, SinkError, quote
from livewidget.sinks.base import MessageSink
from livewidget.sinks.endpoint import Endpoint

if TYPE_CHECKING:
    from aiomqtt import Client

PORT, TLS_PORT = 1883, 8883
QOS = (0, 1, 2)
_WINDOW = 20  # publications that wait for the broker's word at once, as many as paho has in flight
_NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each waits for the last's 40 ms
_ANSWER_S = 10.0


class MqttSink(MessageSink):
    """Publishes to `mqtt://user:password@host:port/topic`, by TLS with `mqtts://`.

    Each event is a message, in "ndjson" each batch. `qos` is 0 (at most once), 1 (at least once)
    or 2 (exactly once); with 1 and 2 a write returns when the broker has said so. With `retain`
    the broker keeps the newest message for those who subscribe later. A lost connection is a
    SinkError.
    """

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
        times: str = "iso",
        qos: int = 0,
        retain: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        secure = url.lower().startswith("mqtts:")
        self._endpoint = Endpoint(url, TLS_PORT if secure else PORT)
        self._topic = self._endpoint.topic
        self.name = self._endpoint.shown
        if qos not in QOS:
            raise SettingError(f"qos is 0, 1 or 2, got {quote(qos)}")
        if any(each in self._topic for each in "+#"):
            raise SettingError(f"a topic to publish to has no + and #, got {quote(self._topic)}")
        self.encoder = encoder_for(format, times=times)
        self._qos = qos
        self._retain = retain
        self._tls = (tls or ssl.create_default_context()) if secure else None
        self._client: Client | None = None

    async def open(self) -> None:
        """Connect. Raises SinkError and MissingExtraError."""
        try:
            from aiomqtt import Client, MqttError
        except ImportError:
            raise MissingExtraError("aiomqtt", "mqtt") from None
        client = Client(
            self._endpoint.host,
            self._endpoint.port,
            username=self._endpoint.user,
            password=self._endpoint.password,
            tls_context=self._tls,
            timeout=_ANSWER_S,
            socket_options=[_NO_DELAY],
            max_concurrent_outgoing_calls=_WINDOW,
        )
        client.pending_calls_threshold = _WINDOW  # above which it warns
        try:
            await client.__aenter__()
        except MqttError as error:
            raise SinkError(f"{self.name} does not answer: {error}") from None
        self._client = client

    async def write(self, batch: Batch) -> None:
        """Publish the messages, in order. Raises SinkError where the connection broke off."""
        assert self._client is not None, "open it first"
        from aiomqtt import MqttError

        messages = self.encoder.encode(batch)
        try:
            if self._qos:  # the library lets so many go at once, in order
                await asyncio.gather(*map(self._publish, messages))
            else:
                for message in messages:
                    await self._publish(message)
        except MqttError as error:
            raise SinkError(f"the connection to {self.name} broke off: {error}") from None

    async def close(self) -> None:
        """Take leave of the broker."""
        from aiomqtt import MqttError

        client, self._client = self._client, None
        if client is not None:
            try:
                await client.__aexit__(None, None, None)
            except MqttError:
                return  # it had gone before

    async def _publish(self, message: bytes) -> None:
        assert self._client is not None
        await self._client.publish(self._topic, message, qos=self._qos, retain=self._retain)
