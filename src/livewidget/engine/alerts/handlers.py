"""The handlers that come along: a function, the log, the notebook, a webhook, mail."""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from livewidget.engine.alerts.alert import Alert, Notice
from livewidget.engine.alerts.calling import Caller
from livewidget.engine.alerts.handler import Handler
from livewidget.pipeline.alerts.event import FIRING, RESOLVED
from livewidget.sinks.notify_email import Mailer
from livewidget.sinks.notify_webhook import SignedPost

_NOTICES = 100
_MOST_IN_POST = 1_000  # alerts in one document, some 400 bytes each
_MOST_IN_MAIL = 100  # alerts written out in one mail; the number of the others is


class Callback(Handler):
    """Calls a function with each `Notice`: async ones on the engine's loop, others in a thread."""

    def __init__(self, function: Callable[[Notice], Any], name: str | None = None) -> None:
        if not callable(function):
            raise TypeError(f"a callback is a function of a notice, got {function!r}")
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self._function = function
        self._caller = Caller(f"callback-{self.name}")

    async def deliver(self, notice: Notice) -> None:
        """Call it."""
        await self._caller.call(self._function, notice)

    @property
    def hanging(self) -> int:
        """Threads that were given up and are still in the function."""
        return self._caller.hanging


class Log(Handler):
    """Writes a line for each alert: critical ones as errors, warnings as such, the rest as info."""

    name = "log"

    def __init__(self, logger: logging.Logger | str = "livewidget.alerts") -> None:
        self._log = logging.getLogger(logger) if isinstance(logger, str) else logger

    async def deliver(self, notice: Notice) -> None:
        """Write it."""
        levels = {"critical": logging.ERROR, "warning": logging.WARNING}
        for alert in notice.alerts:
            over = alert.state == RESOLVED
            level = logging.INFO if over else levels.get(alert.priority, logging.INFO)
            self._log.log(level, "%s", line_of(alert))


class Notebook(Handler):
    """Keeps the newest notices for whatever shows them; `on_change` has a callback hear of each."""

    name = "notebook"

    def __init__(self, most: int = _NOTICES) -> None:
        self._notices: deque[Notice] = deque(maxlen=most)
        self._callbacks: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def notices(self) -> list[Notice]:
        """The newest, the oldest of them first. From any thread."""
        with self._lock:
            return list(self._notices)

    def on_change(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called on the engine's thread; returns what stops it."""
        with self._lock:
            self._callbacks = [*self._callbacks, callback]

        def stop() -> None:
            with self._lock:
                self._callbacks = [each for each in self._callbacks if each is not callback]

        return stop

    async def deliver(self, notice: Notice) -> None:
        """Keep it; one that is there already, for another attempt, is not kept twice."""
        with self._lock:
            if any(each.id == notice.id for each in self._notices):
                return
            self._notices.append(notice)
        for callback in self._callbacks:
            callback()


class Webhook(Handler):
    """Posts each notice as JSON in the shape of Alertmanager's webhook (version 4).

    One that would be too large tells of as many alerts as fit, and how many are left out. Signed
    with `secret`, see `SignedPost`, whose settings the `options` are (`headers`, `tls`,
    `proxy`, `timeout`, `most_bytes`). `labels` are added to those of every alert.
    """

    def __init__(
        self,
        url: str,
        secret: str | bytes | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self._post = SignedPost(url, secret=secret, **options)
        self._labels = dict(labels or {})
        self.name = f"webhook {self._post.name}"

    async def deliver(self, notice: Notice) -> None:
        """Post it once."""
        most = _MOST_IN_POST
        while True:
            body = msgspec.json.encode(as_alertmanager(notice, self._labels, most))
            if len(body) <= self._post.most_bytes or most == 1:
                break
            most //= 2
        await self._post.send(body, key=notice.id)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._post.close()


class Email(Handler):
    """Mails each notice as plain text, in a thread; `options` are those of `Mailer`."""

    def __init__(
        self, host: str, port: int, sender: str, to: str | Iterable[str], **options: Any
    ) -> None:
        self._mailer = Mailer(host, port, sender, to, **options)
        self.name = f"mail by {self._mailer.name}"
        self._caller = Caller("mail")

    async def deliver(self, notice: Notice) -> None:
        """Send it once."""

        def send() -> None:
            self._mailer.send(subject_of(notice), text_of(notice), key=notice.id)

        await self._caller.call(send)

    @property
    def hanging(self) -> int:
        """Threads that were given up and still wait for the server."""
        return self._caller.hanging


def as_alertmanager(
    notice: Notice, labels: Mapping[str, str] | None = None, most: int = _MOST_IN_POST
) -> dict[str, Any]:
    """Return the document that Alertmanager posts to webhooks, version 4.

    With the first `most` alerts, those that fire before those that are over; how many are left out
    is in it.
    """
    alerts = [_described(each, labels or {}) for each in notice.alerts[:most]]
    described = [each["labels"] for each in alerts]
    common = {
        name: value
        for name, value in described[0].items()
        if all(each.get(name) == value for each in described)
    }
    return {
        "version": "4",
        "groupKey": notice.group,
        "truncatedAlerts": max(0, len(notice.alerts) - most),
        "status": notice.status,
        "receiver": "livewidget",
        "groupLabels": notice.labels,
        "commonLabels": common,
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": alerts,
    }


def subject_of(notice: Notice) -> str:
    """Return a notice in one short line: `[FIRING:2] hot (critical)`."""
    alerts = notice.alerts
    count = sum(each.state == FIRING for each in alerts) or len(alerts)
    names = sorted({each.rule for each in alerts})
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"[{notice.status.upper()}:{count}] {names[0]}{more} ({notice.priority})"


def text_of(notice: Notice) -> str:
    """Return a notice as plain text, a line for each alert."""
    lines = [line_of(each) for each in notice.alerts[:_MOST_IN_MAIL]]
    if len(notice.alerts) > _MOST_IN_MAIL:
        lines.append(f"and {len(notice.alerts) - _MOST_IN_MAIL:,} more")
    return "\n".join(lines) + "\n"


def line_of(alert: Alert) -> str:
    """Return an alert in one line."""
    key = f" [{alert.key}]" if alert.key else ""
    value = "" if math.isnan(alert.value) else f" (value {alert.value:g})"
    said = f": {alert.message}" if alert.message else ""
    head = f"{alert.state} {alert.priority} {alert.rule}{key}{said}{value}"
    shown = "".join(each if each.isprintable() else " " for each in head)
    return f"{shown} since {iso(alert.since)}"


def iso(time_ns: int) -> str:
    """Return a time as RFC 3339 has it, to the millisecond, UTC."""
    moment = dt.datetime.fromtimestamp(time_ns // 10**6 / 1e3, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _described(alert: Alert, labels: Mapping[str, str]) -> dict[str, Any]:
    over = alert.state == RESOLVED
    named = {"alertname": alert.rule, "key": alert.key, "severity": alert.priority}
    value = None if math.isnan(alert.value) else f"{alert.value!r}"
    annotations = {"summary": alert.message} | ({} if value is None else {"value": value})
    return {
        "status": RESOLVED if over else FIRING,
        "labels": {name: each for name, each in named.items() if each} | dict(labels),
        "annotations": annotations,
        "startsAt": iso(alert.since),
        "endsAt": iso(alert.time) if over else "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": alert.fingerprint,
    }
