"""What a user says about a Kafka feed, in librdkafka's words, and what it says in a person's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np

from livewidget.data.errors import SettingError, quote

_LEAST_NS = 10**15  # whole numbers from here up are times: no topic has had so many messages
_QUERY = ("group", "start", "tls", "sasl")
_STARTS = (
    "'earliest', 'latest', an offset, a mapping of partitions to offsets, or a time "
    "(ISO text, datetime, ns since the epoch)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a feed is, as a `kafka://` URL tells it."""

    servers: str
    topics: tuple[str, ...]
    username: str | None
    password: str | None
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class At:
    """A point in time to start at, in ms since the epoch, UTC: Kafka knows no finer ones."""

    ms: int


Start = str | int | Mapping[int, int] | At


def place(url: str, topic: str | Sequence[str] | None) -> Place:
    """Read `kafka://[user:password@]host:port[,host:port]/topic[,topic]?...`, or plain servers.

    Raises SettingError, without the URL in it, where no server or no topic is named.
    """
    parts = urlsplit(url if "://" in url else f"kafka://{url}")
    user, at, servers = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    named = unquote(parts.path.strip("/")) if topic is None else topic
    topics = tuple(named.split(",")) if isinstance(named, str) else tuple(named)
    query = dict(parse_qsl(parts.query))
    if not all(server.split(":")[0] for server in servers.split(",")):
        raise SettingError("a Kafka feed needs servers: kafka://host:port[,host:port]/topic")
    if not topics or not all(topics):
        raise SettingError("a Kafka feed needs a topic: kafka://host:port/topic, or topic=")
    unknown = [key for key in query if key not in _QUERY]
    if unknown:
        raise SettingError(f"a kafka:// URL knows {', '.join(_QUERY)}; got {quote(unknown[0])}")
    return Place(
        servers,
        topics,
        unquote(name) if at else None,
        unquote(password) if colon else None,
        query,
    )


def to_start(value: object) -> Start:
    """Return where to begin. Raises SettingError for what is no place in a topic."""
    try:
        start = _start(value)
    except (ValueError, OverflowError):
        start = None
    if start is None:
        raise SettingError(f"start is {_STARTS}; got {quote(value)}")
    return start


def _start(value: object) -> Start | None:
    if isinstance(value, str) and value not in ("earliest", "latest"):
        value = int(value) if value.isdigit() else datetime.fromisoformat(value)
    if isinstance(value, (datetime, np.datetime64)):
        return At(_ms(value))
    if isinstance(value, Mapping):
        whole = all(_is_offset(each) for pair in value.items() for each in pair)
        return dict(value) if whole and value else None
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, int) and _is_offset(value):
        return At(value // 1_000_000) if value >= _LEAST_NS else value
    return value if isinstance(value, str) else None


def _ms(when: datetime | np.datetime64) -> int:
    if isinstance(when, np.datetime64):
        return int(when.astype("datetime64[ms]").astype(np.int64))
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)


def _is_offset(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def security(
    username: str | None,
    password: str | None,
    sasl: str,
    tls: bool | str | None,  # noqa: FBT001
) -> dict[str, Any]:
    """Return the settings of who asks and by what transport.

    `tls` is True, False or the path of a file with the certificates to trust; None is True where
    there is a password to hide. Raises SettingError where that file is not there.
    """
    if tls is None:
        tls = username is not None
    if isinstance(tls, str) and tls.lower() in ("true", "false", "1", "0"):  # of a URL
        tls = tls.lower() in ("true", "1")
    settings: dict[str, Any] = {
        "security.protocol": f"{'SASL_' if username else ''}{'SSL' if tls else 'PLAINTEXT'}"
    }
    if isinstance(tls, str):
        if not Path(tls).is_file():
            raise SettingError(f"tls is True, False or a file of certificates; got {quote(tls)}")
        settings["ssl.ca.location"] = tls
    if username is not None:
        settings |= {"sasl.mechanism": sasl, "sasl.username": username}
        settings["sasl.password"] = password or ""
    return settings


_SECRET = re.compile(r"password|secret|jaas|\.pem|key|token|oauthbearer", re.IGNORECASE)


def secrets(settings: Mapping[str, Any]) -> list[str]:
    """Return the values that no text may show."""
    return [str(value) for name, value in settings.items() if _SECRET.search(name)]


_AFTER = re.compile(r"\s*\(after .*?\)$")
_BROKER = re.compile(r"^(?:[a-z_]+://)?[^ ]+/(?:bootstrap|\d+): ")
_VERIFY = "certificate verify failed"
_REASONS = {  # what is known of an error's name, and whether waiting cannot help
    "_RESOLVE": ("there is no address for {host}", False),
    "_ALL_BROKERS_DOWN": ("no server answers at {host}", False),
    "_AUTHENTICATION": ("{host} does not accept who asks: {text}", True),
    "SASL_AUTHENTICATION_FAILED": ("{host} does not accept who asks: {text}", True),
    "TOPIC_AUTHORIZATION_FAILED": ("{host}: not allowed: {text}", True),
    "GROUP_AUTHORIZATION_FAILED": ("{host}: not allowed: {text}", True),
    "INVALID_SESSION_TIMEOUT": ("{host}: {text}", True),
    "INCONSISTENT_GROUP_PROTOCOL": ("{host}: {text}", True),
}


def explained(name: str, text: str, host: str) -> tuple[str, bool]:
    """Return one line for a person of an error's name and text; and whether waiting cannot help."""
    text = _AFTER.sub("", _BROKER.sub("", text))
    if _VERIFY in text:
        return (
            f"{host}: its certificate is not valid ({text.partition(_VERIFY)[2].strip(': ')})",
            True,
        )
    if "Connection refused" in text:
        return f"nothing answers at {host}", False
    line, final = _REASONS.get(name, ("{host}: {text}", False))
    return line.format(host=host, text=text or name), final
