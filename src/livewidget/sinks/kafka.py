"""A Kafka producer, by confluent-kafka (the extra `kafka`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

from livewidget.codecs.encode import encoder_for
from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, RejectedError, SettingError, SinkError, quote
from livewidget.data.text import Text
from livewidget.sinks.base import MessageSink
from livewidget.sinks.endpoint import Endpoint
from livewidget.sinks.settings import check_one_of, run_name

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

PORT = 9092
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
_OPEN_S = 10.0  # for a broker to answer at all
_FLUSH_S = 10.0
_LOOK_S = 0.2
_FULL_S = 0.005  # between two looks for room in the library's queue
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # or each lost connection of librdkafka goes to a cell


class KafkaSink(MessageSink):
    """Produces to `kafka://host:port/topic`: each event is a message, in "ndjson" each batch.

    The producer is idempotent: within one run nothing is doubled or reordered by a retry. `key`
    names the column whose text is the messages' key, by which they are spread over partitions.
    Batches wait `linger_ms` for company, and are compressed by `compression`: "none", "gzip",
    "snappy", "lz4" or "zstd". `options` are further settings of librdkafka, by its own names.

    `write` queues: a message that could not be delivered is counted in `failed`, and stops nothing.
    `write_from` waits until all are delivered, so that they can be sent again. What a broker had
    before it failed for longer than `delivery.timeout.ms` (30 s) may come twice: `id_header` names
    a header of each message, `<run>-<number>` of its (first) row, by which that can be told. `run`
    of None makes a name of its own for every sink; a name is for the rows of a durable buffer,
    whose numbers outlive the process.
    """

    def __init__(
        self,
        url: str,
        *,
        format: object = "json",  # noqa: A002  (the word that users look for)
        times: str = "iso",
        key: str | None = None,
        linger_ms: float = 5.0,
        compression: str = "none",
        id_header: str | None = None,
        run: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        endpoint = Endpoint(url, PORT)
        self._topic = endpoint.topic
        self.name = endpoint.shown
        if endpoint.user or endpoint.password:
            raise SettingError("the kafka:// URL takes no user: use options={'sasl.username': …}")
        if key is not None and format == "ndjson":
            raise SettingError("key is for a message an event; format='ndjson' makes one a batch")
        check_one_of("compression", compression, COMPRESSIONS)
        self.encoder = encoder_for(format, times=times)
        self._key, self._id_header, self._run = key, id_header, run_name(run)
        self._config: dict[str, Any] = {
            "bootstrap.servers": f"{endpoint.host}:{endpoint.port}",
            "enable.idempotence": True,
            "linger.ms": linger_ms,
            "compression.type": compression,
            "delivery.report.only.error": True,  # a call into Python for each success is dear
            "delivery.timeout.ms": 30_000,
            "error_cb": self._note,
            **(options or {}),
        }
        self._producer: Producer | None = None
        self._fatal = ""
        self._lost: dict[int, KafkaError] = {}  # of the batch that is under way, by place
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
            error = await self._produce(self._producer, message, key, self._delivered)
            self.failed += error is not None
        self._poll(self._producer)
        if self._fatal:
            raise SinkError(f"{self.name}: {self._fatal}")

    async def write_from(self, batch: Batch, first: int) -> None:
        """Have the messages delivered. Raises SinkError, RejectedError for those too large."""
        assert self._producer is not None, "open it first"
        self._lost, refused = {}, {}
        messages = self.encoder.encode(batch)
        for place, (message, key) in enumerate(zip(messages, self._keys(batch), strict=False)):
            done = partial(self._note_lost, self._lost, place)
            number = f"{self._run}-{first + place}"
            error = await self._produce(self._producer, message, key, done, number)
            if error is not None and not _is_too_large(error):
                self._lost[place] = error
            elif error is not None:
                refused[place] = error
        await self._flush(self._producer)
        refused |= {place: error for place, error in self._lost.items() if _is_too_large(error)}
        left = [error for error in self._lost.values() if not _is_too_large(error)]
        if left or self._fatal:
            self._producer.purge()  # it all comes again
            raise SinkError(f"{self.name}: {self._fatal or left[0].str()}")
        if refused:
            rows = sorted(refused) if len(messages) == len(batch) else None
            raise RejectedError(f"{self.name}: {next(iter(refused.values())).str()}", rows)

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

    async def _flush(self, producer: Producer) -> None:
        """Wait until each message is delivered or given up, by the library's own time-out."""
        from confluent_kafka import KafkaException

        while len(producer) and not self._fatal:
            try:  # for a short time: a thread cannot be cancelled
                await asyncio.to_thread(producer.flush, _LOOK_S)
            except KafkaException as error:
                self._fatal = _text(error)

    async def _produce(
        self,
        producer: Producer,
        message: bytes,
        key: str | None,
        done: Callable[[KafkaError | None, object], None],
        number: str = "",
    ) -> KafkaError | None:
        """Queue a message. Return why it cannot be: it is too large, or the producer has failed."""
        from confluent_kafka import KafkaException

        more: dict[str, Any] = {}
        if self._id_header is not None and number:
            more["headers"] = [(self._id_header, number.encode())]
        while True:
            try:
                producer.produce(self._topic, message, key=key, on_delivery=done, **more)
            except BufferError:
                self._poll(producer)
                await asyncio.sleep(_FULL_S)
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                return cause
            else:
                return None

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

    @staticmethod
    def _note_lost(
        lost: dict[int, KafkaError], place: int, error: KafkaError | None, message: object
    ) -> None:
        del message
        if error is not None:
            lost[place] = error

    def _note(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error.str()
        _log.info("%s: %s", self.name, error.str())


def _text(error: Exception) -> str:
    cause = error.args[0] if error.args else error
    text: str = cause.str() if hasattr(cause, "str") else str(cause)
    return text


def _is_too_large(error: KafkaError) -> bool:
    from confluent_kafka import KafkaError as Known

    return bool(error.code() == Known.MSG_SIZE_TOO_LARGE)
