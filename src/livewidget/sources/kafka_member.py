"""One consumer of Kafka: all that is done in its one thread."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from livewidget.data.errors import MissingExtraError, SourceError
from livewidget.sources.base import Outlet
from livewidget.sources.kafka_settings import At, Start, explained

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

Key = tuple[str, int]  # topic and partition
Offsets = Mapping[Key, int]  # of the next message to read

ASK_AGAIN_S = 0.5  # for an answer that may not come, while complaints may
ASK_S = 5.0  # for one question to the servers: some ms where all is well
IDLE_S = 0.2  # a wait for the first message, and so the most that stopping takes
PAUSED_S = 0.05  # the same while paused
GATHER_S = 0.005  # more that comes in this time is decoded with it

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # else Python prints what nobody handles


def library() -> Any:
    """Return confluent-kafka. Raises MissingExtraError where it is not installed."""
    try:
        import confluent_kafka
    except ImportError:
        raise MissingExtraError("confluent-kafka", "kafka") from None
    return confluent_kafka


class Member:
    """A consumer, of a group or by itself. Every method is called in one thread, its own.

    `read` holds where reading goes on behind what `take` returned before its last call (or up to
    `close`, all): the caller is then done with it. By topic and partition, and never changed in
    place, so that another thread may take it and hand it back to `commit`. `settle` returns once
    all that was read is stored, or False where that takes too long. `suspect` is the last trouble.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        topics: Sequence[str],
        start: Start,
        outlet: Outlet,
        *,
        host: str,
        scrub: Callable[[str], str],
        settle: Callable[[], bool],
        read: Offsets,
    ) -> None:
        self.read = self._taken = dict(read)
        self.suspect: tuple[str, bool] | None = None
        self._kafka = library()
        self._grouped = "group.id" in settings
        alone = {} if self._grouped else {"group.id": f"livewidget-{uuid4().hex}"}
        self._settings = {**settings, **alone, "error_cb": self._complain}
        self._settings["on_commit"] = self._answered
        self._incremental = (
            "cooperative" in str(settings.get("partition.assignment.strategy", ""))
            or settings.get("group.protocol") == "consumer"
        )
        self._topics = list(topics)
        self._one_topic = len(topics) == 1 and not topics[0].startswith("^")
        self._start = start
        self._outlet = outlet
        self._host = host
        self._scrub = scrub
        self._settle = settle
        self._committed: dict[Key, int] = {}
        self._told: Offsets | None = None
        self._partitions: list[TopicPartition] = []
        self._paused = False
        self._consumer: Consumer | None = None

    def open(self) -> None:
        """Make the consumer, which connects by itself. Raises SourceError for bad settings."""
        try:
            self._consumer = self._kafka.Consumer(self._settings, logger=_Log(self._scrub))
        except self._kafka.KafkaException as error:
            raise SourceError(self._scrub(f"Kafka settings: {error.args[0].str()}")) from None

    def probe(self, wait_s: float) -> tuple[str, bool] | None:
        """Ask for the topics. Returns None where all is well, else why not and if that is final."""
        self._partitions = []
        for topic in self._topics:
            if topic.startswith("^"):  # a pattern, which the group itself resolves
                continue
            told = self._ask(topic, wait_s)
            if isinstance(told, tuple):
                return told
            self._partitions += [self._kafka.TopicPartition(topic, p) for p in told.partitions]
        self.suspect = None
        return None

    def _ask(self, topic: str, wait_s: float) -> Any:
        """Return what the servers tell of a topic, or why not and whether that is final.

        In short waits: what librdkafka complains of is heard between them only.
        """
        for _ in range(max(1, round(wait_s / ASK_AGAIN_S))):
            try:
                told = self._alive.list_topics(topic, timeout=ASK_AGAIN_S).topics[topic]
            except self._kafka.KafkaException as error:
                self._alive.poll(0)
                reason = self.suspect or self._explained(error.args[0])
                if self.suspect is not None:
                    break
            else:
                return told if told.error is None else self._refused(topic, told.error)
        return reason

    def join(self) -> None:
        """Begin to read: as a member of the group, or all partitions."""
        if self._grouped:
            self._alive.subscribe(
                self._topics,
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._lost,
            )
        else:
            self._alive.assign(self._beginnings(self._partitions))

    def take(self, most: int) -> list[Message]:
        """Return the messages that are there, or come within a moment; those of errors are not.

        Raises KafkaException for an error that this consumer does not survive: nothing is taken.
        """
        self.read = self._taken
        try:
            messages = self._good(self._alive.consume(1, PAUSED_S if self._paused else IDLE_S))
            if messages and most > 1:
                messages += self._good(self._alive.consume(most - 1, GATHER_S))
        except BaseException:
            self._taken = self.read
            raise
        return messages

    def _good(self, messages: list[Message]) -> list[Message]:
        """Note messages as taken, without those that stand for errors.

        At once: the next call into the library may rebalance.
        """
        errors = list(map(self._kafka.Message.error, messages))
        if any(errors):
            for error in filter(None, errors):
                self._hear(error)
            messages = [each for each, bad in zip(messages, errors, strict=True) if not bad]
        if messages:
            self._follow(messages)
        return messages

    def hold(self, *, paused: bool) -> None:
        """Stop or go on fetching; a paused member still polls, so its group keeps it."""
        if paused != self._paused:
            self._paused = paused
            partitions = self._alive.assignment()
            (self._alive.pause if paused else self._alive.resume)(partitions)

    def commit(self, offsets: Offsets) -> None:
        """Tell the group that all before these offsets is stored. Does not wait for an answer.

        Those of partitions that are no longer ours, or were told before, are left out.
        """
        if offsets is self._told or not self._grouped or self.suspect is not None:
            return
        self._told = offsets
        mine = {(each.topic, each.partition) for each in self._alive.assignment()}
        news = {
            key: offset
            for key, offset in offsets.items()
            if key in mine and self._committed.get(key) != offset
        }
        if news:
            self._committed |= news
            self._alive.commit(offsets=[self._place(*each) for each in news.items()])

    def close(self) -> None:
        """Leave the group, with what is stored committed.

        A commit under way is waited for: up to the session's timeout where no server answers.
        """
        self.read = self._taken
        if self._consumer is not None:
            self._consumer.close()  # calls _revoked
            self._consumer = None

    def explained(self, error: BaseException) -> tuple[str, bool]:
        """Return one line for a person of a KafkaException, and whether waiting cannot help."""
        return self._explained(error.args[0])

    @property
    def _alive(self) -> Consumer:
        assert self._consumer is not None
        return self._consumer

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        beginnings = self._beginnings(partitions)
        if self._incremental:
            self._alive.incremental_assign(beginnings)
        else:
            self._alive.assign(beginnings)
        if self._paused:
            self._alive.pause(beginnings)

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # What this member has read is stored first, so that the next owner begins behind it.
        # librdkafka gives the partitions up when the commit is answered, or its time is over.
        if self._reachable(partitions) and self._settle():
            keys = {(each.topic, each.partition) for each in partitions}
            with contextlib.suppress(self._kafka.KafkaException):  # then it comes again
                self.commit({key: offset for key, offset in self.read.items() if key in keys})
        self._forget(partitions)

    def _reachable(self, partitions: list[TopicPartition]) -> bool:
        """Tell whether a commit will be answered: leaving would wait a minute in vain for it."""
        if self.suspect is None or not partitions:
            return True
        try:  # not list_topics: called back within a close, it brings the process down
            self._alive.get_watermark_offsets(partitions[0], timeout=IDLE_S)
        except self._kafka.KafkaException:
            return False
        self.suspect = None
        return True

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget(partitions)  # others have them already: nothing can be committed

    def _answered(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Have what could not be committed tried again."""
        failed = [each for each in partitions if error is not None or each.error is not None]
        if failed:
            self._forget(failed)
            self._told = None

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            self._committed.pop((each.topic, each.partition), None)

    def _beginnings(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Return the partitions with the offsets to read from: known, committed, or `start`.

        What this member has read already it need not read again, though a commit went astray.
        """
        keys = [(each.topic, each.partition) for each in partitions]
        begin = {key: self._taken[key] for key in keys if key in self._taken}
        if self._grouped:
            for each in self._alive.committed(partitions, timeout=ASK_S):
                if each.offset >= 0:
                    key = each.topic, each.partition
                    self._committed[key] = each.offset
                    begin[key] = max(each.offset, begin.get(key, 0))
        fresh = [each for each, key in zip(partitions, keys, strict=True) if key not in begin]
        begin |= self._first(fresh)
        self._taken = self._taken | begin
        return [self._place(key, begin[key]) for key in keys]

    def _first(self, partitions: list[TopicPartition]) -> dict[Key, int]:
        """Return where reading begins for the first time.

        As numbers, "latest" too: once committed, they hold though nothing is ever read.
        """
        timed = {}
        if partitions and isinstance(self._start, At):
            asked = [self._place((p.topic, p.partition), self._start.ms) for p in partitions]
            answer = self._alive.offsets_for_times(asked, timeout=ASK_S)
            timed = {(each.topic, each.partition): each.offset for each in answer}
        first = {}
        for each in partitions:
            key = each.topic, each.partition
            low, high = self._alive.get_watermark_offsets(each, timeout=ASK_S)
            wanted = self._wanted(key, low, high) if not timed else timed[key]
            if 0 <= wanted < low:
                self._tell_deleted(key, wanted, low)
            # Beyond the end is where the next message will be; so are times to come, which are -1.
            first[key] = high if wanted < 0 else min(max(wanted, low), high)
        return first

    def _wanted(self, key: Key, low: int, high: int) -> int:
        if isinstance(self._start, str):
            return low if self._start == "earliest" else high
        if isinstance(self._start, int):
            return self._start
        assert isinstance(self._start, Mapping)
        return self._start.get(key[1], low)

    def _follow(self, messages: list[Message]) -> None:
        """Note where reading goes on, and look for a break before each partition's first one."""
        keys: list[Any] = list(map(self._kafka.Message.partition, messages))
        if not self._one_topic:
            keys = list(zip(map(self._kafka.Message.topic, messages), keys, strict=True))
        backwards = keys[::-1]
        taken = dict(self._taken)
        for each in set(keys):
            key = (self._topics[0], each) if self._one_topic else each
            self._check(key, messages[keys.index(each)].offset())
            taken[key] = _behind(messages[-1 - backwards.index(each)])
        self._taken = taken

    def _check(self, key: Key, first: Any) -> None:
        expected = self._taken.get(key, first)
        if first < expected:
            self._outlet.gap(None, None, f"{key[0]}[{key[1]}] begins anew at offset {first}")
        elif first > expected:  # by retention; or transactions and compaction, which lose nothing
            partition = self._kafka.TopicPartition(*key)
            low, _ = self._alive.get_watermark_offsets(partition, timeout=ASK_S)
            if low > expected:
                self._tell_deleted(key, expected, low)

    def _tell_deleted(self, key: Key, wanted: int, low: int) -> None:
        reason = f"offsets {wanted} to {low - 1} of {key[0]}[{key[1]}] are deleted at the server"
        self._outlet.gap(None, None, reason)

    def _place(self, key: Key, offset: int) -> TopicPartition:
        partition: TopicPartition = self._kafka.TopicPartition(*key, offset)
        return partition

    def _complain(self, error: KafkaError) -> None:
        if self.suspect is None or error.name() != "_ALL_BROKERS_DOWN":  # which says least
            self.suspect = self._explained(error)

    def _hear(self, error: KafkaError) -> None:
        """Take an error that came in a message's place.

        A local one heals by itself; what a server refuses, this consumer will be refused again.
        """
        if error.fatal() or not error.name().startswith("_"):
            raise self._kafka.KafkaException(error)
        self._complain(error)

    def _refused(self, topic: str, error: KafkaError) -> tuple[str, bool]:
        if error.name() == "UNKNOWN_TOPIC_OR_PART":
            return f"{self._host} has no topic {topic!r}", True
        return self._explained(error)

    def _explained(self, error: KafkaError) -> tuple[str, bool]:
        text, final = explained(error.name(), error.str(), self._host)
        return self._scrub(text), final


def _behind(message: Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset + 1


class _Log:
    """What librdkafka writes its log to: the house's, without secrets.

    At DEBUG: what matters of it is told as a state, and a server that is away fills pages.
    """

    def __init__(self, scrub: Callable[[str], str]) -> None:
        self._scrub = scrub

    def log(self, _: int, text: str, *parts: object) -> None:
        """Take one line, as a `logging.Logger` does."""
        _log.debug("%s", self._scrub(text % parts))
