"""The address that a sink serves at or connects to, taken apart and checked."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from livewidget.data.errors import SettingError


class Endpoint:
    """A URL as `host`, `port`, `path`, `user` and `password`; `shown` is without the secrets.

    Raises SettingError, without the URL in it, where there is no host or no port and no default.
    """

    def __init__(self, url: str, default_port: int | None = None) -> None:
        scheme, _, rest = url.partition("://")
        try:
            parts = urlsplit(f"//{rest}")
            port = parts.port
        except ValueError:
            raise SettingError("the URL's host or port cannot be read") from None
        if not parts.hostname:
            raise SettingError(f"the {scheme}:// URL names no host")
        if port is None and default_port is None:
            raise SettingError(f"the {scheme}:// URL names no port, as in {scheme}://host:8000")
        self.scheme = scheme
        self.host = parts.hostname
        self.port: int = port if port is not None else default_port or 0
        self.path = unquote(parts.path)
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None

    @property
    def shown(self) -> str:
        """The address for people: no user, no password, no query."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def topic(self) -> str:
        """The path as the name of a topic. Raises SettingError where there is none."""
        topic = self.path.strip("/")
        if not topic:
            raise SettingError(
                f"the {self.scheme}:// URL names no topic, as in {self.scheme}://host/topic"
            )
        return topic
