"""Kafka topics: `kafka://`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from livewidget.codecs.base import Columns
from livewidget.codecs.columns import Values
from livewidget.codecs.formats import MOST_MESSAGE, decoder_for
from livewidget.data.batch import TIME_NAMES
from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.data.events import State
from livewidget.data.text import Text
from livewidget.resilience.backoff import Backoff
from livewidget.sources.address import Address
from livewidget.sources.base import LoopClock, Outlet
from livewidget.sources.kafka_member import ASK_AGAIN_S, Member, Offsets, library
from livewidget.sources.kafka_settings import place, secrets, security, to_start
from livewidget.sources.messages import deliver
from livewidget.sources.reconnecting import ReconnectingSource
from livewidget.sources.worker import Worker

if TYPE_CHECKING:
    from confluent_kafka import Message

_OURS = {
    "bootstrap.servers": "it is the first argument",
    "group.id": "it is `group`",
    "auto.offset.reset": "it is `start`",
    "enable.auto.commit": "what is stored is committed",
    "enable.auto.offset.store": "what is stored is committed",
    "error_cb": "errors are states",
    "on_commit": "commits are the source's",
    "logger": "the log is the source's",
    "log_cb": "the log is the source's",
}
METADATA = ("key", "partition", "offset", "timestamp", "topic")
PROBE_S = 10.0  # for the first answer
CLOSE_S = 1.0  # for leaving a group, some ms where its servers answer
SETTLE_S = 5.0  # for storing before partitions are given up; a group waits far longer for it


class KafkaSource(ReconnectingSource):
    """Reads the messages of topics, as a member of a `group` or (None) all partitions by itself.

    `servers` is `kafka://[user:password@]host:port[,host:port]/topic[,topic]`, with `group`,
    `start`, `tls` and `sasl` in its query if you like, or plain servers and `topic`. A group keeps
    what was read: offsets are committed every `commit_s` seconds once their events are stored, so
    that each event comes at least once. What a member that crashed, or was parted with, had not
    committed comes to another one again, with the same `kafka_offset`: an operator for unique keys
    removes it. Where nothing is
    committed reading begins at `start`: "latest", "earliest", an offset, a mapping of partitions
    to offsets, or a time. Without a group, partitions that are added later are not seen, and
    offsets are kept in the store that the source fills, where there is one.

    `with_metadata` adds columns `kafka_key`, `kafka_partition`, `kafka_offset`,
    `kafka_timestamp` and `kafka_topic`, all or those named. Where messages have no time, and
    `time` names no column but a usual one, theirs in Kafka is it. A message without a payload is
    rejected. What retention took away before it was read is a gap.

    Certificates are verified; `tls` is True, False, or a file of those to trust (None: True with a
    user name). `sasl` is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. `config` holds any other settings
    of librdkafka. A server that is away is waited for, with the delays of `backoff`; the first
    connect fails at once where waiting cannot help: a topic that is not there, a refused
    certificate or user.
    """

    def __init__(
        self,
        servers: str,
        topic: str | Sequence[str] | None = None,
        *,
        group: str | None = None,
        start: object = None,
        format: object = "json",  # noqa: A002  (the word that users look for)
        fields: Sequence[str] | None = None,
        needs: Sequence[str] = (),
        time: str | None = None,
        with_metadata: bool | Sequence[str] = False,
        username: str | None = None,
        password: str | None = None,
        sasl: str | None = None,
        tls: bool | str | None = None,
        config: Mapping[str, Any] | None = None,
        max_bytes: int = MOST_MESSAGE,
        batch: int = 10_000,
        commit_s: float = 1.0,
        reconnect: bool = True,
        backoff: Backoff | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        library()
        self._place = place(servers, topic)
        query = self._place.query
        group = query.get("group") if group is None else group
        who = self._place.username if username is None else username
        word = self._place.password if password is None else password
        access = security(
            who,
            word,
            sasl or query.get("sasl", "PLAIN"),
            query.get("tls") if tls is None else tls,
        )
        given = dict(config or {})
        for name in given.keys() & _OURS.keys():
            raise SettingError(f"config cannot set {name!r}: {_OURS[name]}")
        hidden = [*secrets(access | given), *filter(None, (who, word))]
        first = self._place.servers.split(",")[0]
        address = Address(f"kafka://{first}/{','.join(self._place.topics)}", hidden)
        super().__init__(address, reconnect=reconnect, backoff=backoff, clock=clock)
        if batch < 1 or commit_s <= 0:
            raise SettingError(f"batch and commit_s are above 0, got {batch} and {commit_s}")
        if group is None and any(each.startswith("^") for each in self._place.topics):
            raise SettingError("topics by a pattern (^) need a group")
        self._settings = _defaults(self._backoff) | access | given
        self._settings["bootstrap.servers"] = self._place.servers
        if group is not None:
            self._settings["group.id"] = group
            self.goes_on = True
        self._start = to_start(query.get("start", "latest") if start is None else start)
        self._decoder = decoder_for(format, fields=fields, needs=needs, max_bytes=max_bytes)
        self._metadata = _metadata(with_metadata)
        self._time = time
        self._batch = batch
        self._commit_s = commit_s
        self._connected = False
        self._away = False
        self._read: Offsets = {}
        self._member: Member | None = None

    @property
    def reached(self) -> str | None:
        """Where reading goes on, by topic and partition, as JSON; a group keeps that itself."""
        read = self._read if self._member is None else self._member.read
        if "group.id" in self._settings or not read:
            return None
        return json.dumps([[topic, part, offset] for (topic, part), offset in read.items()])

    def go_on(self, position: str) -> None:
        """Begin at these offsets."""
        if "group.id" not in self._settings:
            offsets = json.loads(position)
            self._read = {(str(topic), int(part)): int(at) for topic, part, at in offsets}

    async def _connection(self, outlet: Outlet) -> str | None:
        member = self._member = Member(
            self._settings,
            self._place.topics,
            self._start,
            outlet,
            host=self._address.host,
            scrub=self._address.scrub,
            settle=_Settle(outlet),
            read=self._read,
        )
        async with Worker(self.name) as worker:
            try:
                await worker.call(member.open)
                trouble = await worker.call(lambda: member.probe(PROBE_S))
                if trouble is None:
                    await worker.call(member.join)
                    self._connected, self._away = True, False
                    self._live(outlet)
                    await self._follow(worker, member, outlet)
                elif trouble[1] and not self._connected:
                    raise SourceError(trouble[0])
                else:
                    return trouble[0]
            except library().KafkaException as error:
                reason, final = member.explained(error)
                if final:
                    raise SourceError(reason) from None
                return reason
            finally:
                await _closed(worker, member)
                self._read, self._member = member.read, None
        return None

    async def _follow(self, worker: Worker, member: Member, outlet: Outlet) -> None:
        """Let the member read on and on; between two turns see to pressure, commits and trouble."""
        room, kept = _Asked(), _Asked()
        read = stored = member.read
        due = look = self._clock.monotonic()
        try:
            while True:
                now = self._clock.monotonic()
                looking = member.suspect is not None and now >= look
                turn = partial(self._turn, member, outlet, stored, room.waiting, looking)
                trouble = await worker.call(turn)
                if looking:
                    look = now + self._judge(trouble, outlet)
                if outlet.full and not room.waiting:
                    room.ask(outlet.ready())
                if kept.waiting:
                    continue
                if kept.take():
                    stored, due = read, now + self._commit_s
                if now >= due and member.read is not stored:
                    read = member.read
                    kept.ask(outlet.stored())
        finally:
            room.cancel()
            kept.cancel()

    def _turn(
        self,
        member: Member,
        outlet: Outlet,
        stored: Offsets,
        held: bool,  # noqa: FBT001
        looking: bool,  # noqa: FBT001
    ) -> tuple[str, bool] | None:
        """Do in the member's thread what is due; return what a look at the servers said."""
        member.commit(stored)
        member.hold(paused=held)
        trouble = member.probe(ASK_AGAIN_S) if looking else None
        messages = member.take(self._batch)
        if messages:
            self._deliver(outlet, messages)
        return trouble

    def _judge(self, trouble: tuple[str, bool] | None, outlet: Outlet) -> float:
        """Tell of trouble, or of its end. Returns the seconds until the servers are asked again."""
        if trouble is None:
            if self._away:
                self._away = False
                self._backoff.reset()
                self._live(outlet)
            return 0.0
        reason, _ = trouble
        if not self._reconnect:
            raise SourceError(reason)
        delay = self._backoff.next(self._clock.monotonic())
        if delay is None:
            raise SourceError(f"gave up after {self._backoff.attempt} attempts: {reason}")
        self._away = True
        outlet.state(State.RECONNECTING, reason, self._backoff.attempt)
        return delay

    def _deliver(self, outlet: Outlet, messages: list[Message]) -> None:
        values: list[Any] = [message.value() for message in messages]
        if None in values:
            for message in (each for each in messages if each.value() is None):
                outlet.reject(_where(message), "a message without a payload (a tombstone)")
            messages = [each for each in messages if each.value() is not None]
            values = [value for value in values if value is not None]
        deliver(self._decoder, outlet, values, lambda columns: self._beside(columns, messages))

    def _beside(self, columns: Columns, messages: list[Message]) -> Columns:
        """Return what Kafka knows of the messages: what is asked for, and the time they lack."""
        beside: dict[str, Values | Text] = {
            f"kafka_{name}": _COLUMNS[name](messages) for name in self._metadata
        }
        usual = self._time is None or self._time in TIME_NAMES
        if usual and columns.keys().isdisjoint(TIME_NAMES if self._time is None else (self._time,)):
            stamps = _stamps(messages)
            if not np.isnat(stamps).any():
                beside[self._time or TIME_NAMES[0]] = stamps
        return beside


async def _closed(worker: Worker, member: Member) -> None:
    """Have the member leave. One that no server answers is let go: its thread ends by itself."""
    wait_s = CLOSE_S + (SETTLE_S if member.suspect is None else 0.0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await worker.call(member.close)


class _Settle:
    """Waits in a thread until the outlet has stored what it has; made on the loop."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> bool:
        """Tell whether all is stored; False where that takes too long or fails."""
        asked = asyncio.run_coroutine_threadsafe(_stored(self._outlet), self._loop)
        try:
            asked.result(SETTLE_S)
        except Exception:  # noqa: BLE001  (then nothing is committed, and it comes again)
            asked.cancel()
            return False
        return True


async def _stored(outlet: Outlet) -> None:
    await outlet.stored()


class _Asked:
    """One question to the outlet at a time, whose answer is not waited for."""

    def __init__(self) -> None:
        self._task: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> bool:
        """Whether there is no answer yet."""
        return self._task is not None and not self._task.done()

    def ask(self, question: Coroutine[Any, Any, None]) -> None:
        """Ask anew."""
        self._task = asyncio.ensure_future(question)

    def take(self) -> bool:
        """Tell, once, that there is an answer. Raises what the outlet raised."""
        task, self._task = self._task, None
        if task is not None:
            task.result()
        return task is not None

    def cancel(self) -> None:
        """Ask no longer."""
        if self._task is not None:
            self._task.cancel()


def _defaults(backoff: Backoff) -> dict[str, Any]:
    return {
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Where offsets were deleted; where to begin is decided before.
        "auto.offset.reset": "earliest",
        # Bytes read ahead, all partitions together: half a second of a fast feed.
        "queued.max.messages.kbytes": 32_768,
        "reconnect.backoff.ms": max(1, int(backoff.base_s * 1000)),
        "reconnect.backoff.max.ms": max(1, int(backoff.cap_s * 1000)),
    }


def _metadata(wanted: bool | Sequence[str]) -> tuple[str, ...]:  # noqa: FBT001
    if isinstance(wanted, bool):
        return METADATA if wanted else ()
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    if not set(names) <= set(METADATA):
        known = ", ".join(map(repr, METADATA))
        raise SettingError(f"with_metadata is True or some of {known}; got {quote(wanted)}")
    return names


def _where(message: Message) -> dict[str, object]:
    """Return what there is of a message without a payload."""
    return {
        "key": message.key(),
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
    }


def _keys(messages: Sequence[Message]) -> Text:
    keys = (message.key() for message in messages)
    return Text.encode(None if key is None else str(key, "utf-8", "replace") for key in keys)


def _stamps(messages: Sequence[Message]) -> npt.NDArray[np.datetime64]:
    """Return the messages' times; NaT where they have none."""
    known = (message.timestamp() for message in messages)
    stamps = [ms if kind else np.iinfo(np.int64).min for kind, ms in known]
    return np.array(stamps, dtype="datetime64[ms]").astype("datetime64[ns]")


_COLUMNS: dict[str, Callable[[Sequence[Message]], Values | Text]] = {
    "key": _keys,
    "partition": lambda messages: np.array([m.partition() for m in messages], dtype=np.int64),
    "offset": lambda messages: np.array([m.offset() for m in messages], dtype=np.int64),
    "timestamp": _stamps,
    "topic": lambda messages: Text.encode(message.topic() for message in messages),
}
