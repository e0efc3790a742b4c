"""MQTT topics: `mqtt://` and `mqtts://`."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from livewidget.codecs.formats import MOST_MESSAGE, decoder_for
from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.data.text import Text
from livewidget.resilience.backoff import Backoff
from livewidget.sources.address import Address
from livewidget.sources.base import LoopClock, Outlet
from livewidget.sources.messages import deliver
from livewidget.sources.mqtt_session import Inbox, Login, Session, library
from livewidget.sources.reasons import network_reason
from livewidget.sources.reconnecting import ReconnectingSource, raise_if_cancelled

if TYPE_CHECKING:
    from aiomqtt import Message

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_ACKNOWLEDGED = 1  # the QoS at which an answer may wait until the events are stored
_REFUSED = 0x80  # the least code of a subscription that was not granted
_UNAVAILABLE = frozenset({0x03, 0x88, 0x89, 0x97})  # of a connect: may be better the next time
_TOPIC = re.compile(r"[^#+\0]*|(?:(?:[^#+\0/]*|\+)/)*(?:[^#+\0/]*|\+|#)")


class MqttSource(ReconnectingSource):
    """Subscribes to topics of an MQTT 3.1.1 server and comes back when cut off.

    `url` is `mqtt://[user:password@]host[:port]/topic`, `mqtts://` by TLS; wildcards, `?qos=1` and
    further `topics` may be in it or beside it. `topic_column` names the text column that tells
    each message's topic (None: none). Without `retained` those that the server kept for newcomers
    are left out.

    `qos` is what may be lost or come twice. 0: what is sent while the connection is lost, and what
    comes while `bound` messages wait already (rejected, and so counted). 1: nothing; a message is
    acknowledged once its events are stored, and one that was not comes again. 2: nothing comes
    twice; but it is the server's no more as soon as it is received, so that a crash of this
    program, or more than `bound` waiting ones, lose some. At 1 and 2 the server keeps what is sent
    while this client is away only for a `client_id` of its own (a persistent session).

    Certificates are verified unless `tls` is a context that does not. A server that is silent for
    twice `keepalive_s` seconds counts as lost. A lost connection is tried again (see
    `ReconnectingSource`); what was missed is a gap. The first connect fails at once where waiting
    cannot help: a refused certificate, user or subscription.
    """

    def __init__(
        self,
        url: str,
        topics: str | Sequence[str] = (),
        *,
        qos: int | None = None,
        client_id: str | None = None,
        topic_column: str | None = "topic",
        retained: bool = True,
        format: object = "json",  # noqa: A002  (the word that users look for)
        fields: Sequence[str] | None = None,
        needs: Sequence[str] = (),
        username: str | None = None,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        max_bytes: int = MOST_MESSAGE,
        bound: int = 10_000,
        keepalive_s: int = 20,
        reconnect: bool = True,
        backoff: Backoff | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        library()
        parts = urlsplit(url, allow_fragments=False)  # a number sign is a wildcard here
        named = unquote(parts.path[1:])
        given = [topics] if isinstance(topics, str) else list(topics)
        self._topics = _checked([*([named] if named else []), *given])
        query = dict(parse_qsl(parts.query))
        self._qos = _qos(query.pop("qos", 0) if qos is None else qos)
        if query:
            raise SettingError(f"an mqtt:// URL knows qos; got {quote(next(iter(query)))}")
        if bound < 1 or keepalive_s < 1:
            raise SettingError(f"bound and keepalive_s are from 1 up, got {bound}, {keepalive_s}")
        who = unquote(parts.username) if username is None and parts.username else username
        word = unquote(parts.password) if password is None and parts.password else password
        address = Address(url.partition("?")[0], filter(None, (who, word)))
        super().__init__(address, reconnect=reconnect, backoff=backoff, clock=clock)
        if parts.scheme == "mqtts" and tls is None:
            tls = ssl.create_default_context()
        self._login = Login(
            parts.hostname or "",
            parts.port or _PORTS.get(parts.scheme, 1883),
            who,
            word,
            client_id,
            tls,
            keepalive_s,
            manual=self._qos == _ACKNOWLEDGED,
        )
        self._decoder = decoder_for(format, fields=fields, needs=needs, max_bytes=max_bytes)
        self._topic_column = topic_column
        self._retained = retained
        self._bound = bound
        self._connected = False
        self._heard = False
        self._session: Session | None = None

    async def run(self, outlet: Outlet) -> None:
        """Deliver until cancelled or given up on."""
        self._session = Session(self._login, self._inbox(outlet))
        try:
            await super().run(outlet)
        finally:
            self._session = None

    async def _connection(self, outlet: Outlet) -> str | None:
        from aiomqtt import MqttError
        from aiomqtt.exceptions import MqttConnectError

        assert self._session is not None
        try:
            async with self._session as client:
                await self._subscribe(client)
                raise_if_cancelled()
                self._connected = True
                await self._receive(client, outlet)
        except MqttError as error:
            code = getattr(getattr(error, "rc", None), "value", 0)
            reason = self._address.scrub(self._reason(error))
            refused = isinstance(error, MqttConnectError) and code not in _UNAVAILABLE
            certificate = isinstance(error.__context__, ssl.SSLCertVerificationError)
            if not self._connected and (refused or certificate):
                raise SourceError(reason) from None
            return reason
        return "the connection was closed"

    async def _subscribe(self, client: Session) -> None:
        codes = await client.subscribe([(topic, self._qos) for topic in self._topics])
        for topic, code in zip(self._topics, codes, strict=True):
            if code >= _REFUSED:
                host = self._address.host
                raise SourceError(f"{host} does not allow a subscription to {quote(topic)}")

    async def _receive(self, client: Session, outlet: Outlet) -> None:
        self._live(outlet)
        kept = client.resumed and self._qos > 0
        missing = self._heard and not kept
        try:
            async for messages in client.batches():
                if missing:
                    outlet.gap(None, None, "the connection was lost")
                missing, self._heard = False, True
                self._deliver(outlet, messages)
                if self._qos == _ACKNOWLEDGED:
                    await outlet.stored()
                    client.acknowledge(messages)
                if outlet.full:
                    await outlet.ready()
        finally:
            left = client.inbox.take()
            if self._qos != _ACKNOWLEDGED or not client.persistent:  # else they come again
                self._deliver(outlet, left)

    def _inbox(self, outlet: Outlet) -> Inbox:
        def overflow(message: Message) -> None:
            outlet.reject(message.payload, f"more than {self._bound} messages wait already")

        return Inbox(self._bound, overflow, answering=self._qos == _ACKNOWLEDGED)

    def _deliver(self, outlet: Outlet, messages: list[Message]) -> None:
        if not self._retained:
            messages = [each for each in messages if not each.retain]
        for message in messages:
            if not message.payload:
                outlet.reject({"topic": message.topic.value}, "a message without a payload")
        full = [each for each in messages if each.payload]
        column = self._topic_column
        beside = {} if column is None else {column: Text.encode(each.topic.value for each in full)}
        if full:
            deliver(self._decoder, outlet, [each.payload for each in full], lambda _: beside)

    def _reason(self, error: Exception) -> str:
        """Return one line for a person; what the library's error came from says more than it."""
        host, cause = self._address.host, error.__cause__ or error.__context__
        known = None if cause is None else network_reason(cause, host)
        if known is not None:
            return known
        code = getattr(error, "rc", None)
        if code is not None:
            return f"{host}: {code if hasattr(code, 'value') else error}"
        if cause is None or hasattr(cause, "rc"):  # paho's codes of a broken connection say nothing
            return f"the connection to {host} broke off" if self._live_since else f"{host}: {error}"
        return f"{host}: {cause}"


def _qos(value: object) -> int:
    if str(value) not in ("0", "1", "2") or isinstance(value, bool):
        raise SettingError(f"qos is 0, 1 or 2; got {quote(value)}")
    return int(str(value))


def _checked(topics: list[str]) -> list[str]:
    for topic in topics:
        if not topic or not _TOPIC.fullmatch(topic):
            raise SettingError(
                f"a topic is text in levels (a/b/c), of which + stands for one and a last # for "
                f"all that follow; got {quote(topic)}"
            )
    if not topics:
        raise SettingError("an MQTT feed needs a topic: mqtt://host/topic, or topics=")
    return topics
