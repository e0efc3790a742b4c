"""A Kafka producer, by confluent-kafka (the extra `kafka`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from livewidget.codecs.encode import encoder_for
from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SettingError, SinkError, quote
from livewidget.data.text import Text
from livewidget.sinks.base import MessageSink
from livewidget.sinks.endpoint import Endpoint

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

PORT = 9092
_OPEN_S = 10.0  # for a broker to answer at all
_FLUSH_S = 10.0
_FULL_S = 0.005  # between two looks for room in the library's queue
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # or each lost connection of librdkafka goes to a cell


class KafkaSink(MessageSink):
    """Produces to `kafka://host:port/topic`: each event is a message, in "ndjson" each batch.

    The producer is idempotent: within one run nothing is doubled or reordered by a retry. `key`
    names the column whose text is the messages' key, by which they are spread over partitions.
    Batches wait `linger_ms` for company. `options` are further settings of librdkafka, by its own
    names. A message that could not be delivered is counted in `failed`, and stops nothing.
    """

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
        times: str = "iso",
        key: str | None = None,
        linger_ms: float = 5.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        endpoint = Endpoint(url, PORT)
        self._topic = endpoint.topic
        self.name = endpoint.shown
        if endpoint.user or endpoint.password:
            raise SettingError("the kafka:// URL takes no user: use options={'sasl.username': …}")
        if key is not None and format == "ndjson":
            raise SettingError("key is for a message an event; format='ndjson' makes one a batch")
        self.encoder = encoder_for(format, times=times)
        self._key = key
        self._config: dict[str, Any] = {
            "bootstrap.servers": f"{endpoint.host}:{endpoint.port}",
            "enable.idempotence": True,
            "linger.ms": linger_ms,
            "delivery.report.only.error": True,  # a call into Python for each success is dear
            "delivery.timeout.ms": 30_000,
            "error_cb": self._note,
            **(options or {}),
        }
        self._producer: Producer | None = None
        self._fatal = ""
        self.failed = 0

    @property
    def counts(self) -> dict[str, int]:
        """Messages that could not be delivered, and those under way."""
        waiting = 0 if self._producer is None else len(self._producer)
        return {"failed": self.failed, "waiting": waiting}

    async def open(self) -> None:
        """Connect and ask for the topic. Raises SinkError, SettingError, MissingExtraError."""
        try:
            from confluent_kafka import KafkaException, Producer
        except ImportError:
            raise MissingExtraError("confluent-kafka", "kafka") from None
        try:
            producer = Producer(self._config, logger=_log)
        except KafkaException as error:  # it names the setting, never its value
            raise SettingError(f"{self.name}: {_text(error)}") from None
        try:
            await asyncio.to_thread(producer.list_topics, self._topic, _OPEN_S)
        except KafkaException as error:
            raise SinkError(f"{self.name} does not answer: {_text(error)}") from None
        self._producer, self._fatal = producer, ""

    async def write(self, batch: Batch) -> None:
        """Queue the messages; waits where the library's queue is full, which bounds it."""
        assert self._producer is not None, "open it first"
        for message, key in zip(self.encoder.encode(batch), self._keys(batch), strict=False):
            await self._produce(self._producer, message, key)
        self._poll(self._producer)
        if self._fatal:
            raise SinkError(f"{self.name}: {self._fatal}")

    async def close(self) -> None:
        """Deliver what is queued, for 10 s; the rest counts as failed."""
        producer, self._producer = self._producer, None
        if producer is not None:
            self.failed += await asyncio.to_thread(producer.flush, _FLUSH_S)

    def _poll(self, producer: Producer) -> None:
        from confluent_kafka import KafkaException

        try:
            producer.poll(0)
        except KafkaException as error:  # a server that lost what an idempotent one relies on
            self._fatal = self._fatal or _text(error)

    async def _produce(self, producer: Producer, message: bytes, key: str | None) -> None:
        from confluent_kafka import KafkaException

        while True:
            try:
                producer.produce(self._topic, message, key=key, on_delivery=self._delivered)
            except BufferError:
                self._poll(producer)
                await asyncio.sleep(_FULL_S)
            except KafkaException:  # this one message is too large, or the producer has failed
                self.failed += 1
                return
            else:
                return

    def _keys(self, batch: Batch) -> Sequence[str | None] | repeat[None]:
        if self._key is None:
            return repeat(None)
        column = batch[self._key]
        if not isinstance(column, Text):
            raise SettingError(f"key names a column of text, got {quote(self._key)}")
        keys: list[str | None] = column.decode().tolist()
        return keys

    def _delivered(self, error: KafkaError | None, message: object) -> None:
        del message
        self.failed += error is not None

    def _note(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error.str()
        _log.info("%s: %s", self.name, error.str())


def _text(error: Exception) -> str:
    cause = error.args[0] if error.args else error
    text: str = cause.str() if hasattr(cause, "str") else str(cause)
    return text
