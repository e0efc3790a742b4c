"""A URL for people and for logs: what could be a secret is left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit
from urllib.request import getproxies

from livewidget.data.errors import SettingError
from livewidget.sources.allow_list import check_allowed

_HIDDEN = "…"
_SHORTEST = 4  # what is shorter is no secret, and would take pieces out of plain words
_KEY_LENGTH = 20  # a path segment of so many characters with a digit in it may be a key
_LATER = 64  # secrets that come later: tokens of some minutes each, with all their spellings


class Address:
    """A URL and what may be shown of it.

    `shown` has no user, password or query values, and no path segment that looks like a key.
    `scrub` takes the same secrets, `others` (values of headers), and what `hide` was told, out of
    any text. Raises SettingError, without the URL in it, where there is no host or the port is no
    number, and where the allow-list does not have it.
    """

    def __init__(self, url: str, others: Iterable[str] = ()) -> None:
        self.url = url
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SettingError("the URL's host or port cannot be read") from None
        if not parts.hostname:
            raise SettingError(f"the {parts.scheme}:// URL names no host")
        self._place = parts.scheme, parts.hostname
        self.check()
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.host = name if port is None else f"{name}:{port}"
        path = "/".join(map(_segment, parts.path.split("/")))
        query = f"?{_HIDDEN}" if parts.query else ""
        self.shown = f"{parts.scheme}://{self.host}{path}{query}"
        secrets = _secrets(parts).union(others)
        self._secrets = frozenset(each for each in secrets if len(each) >= _SHORTEST)
        self._later: deque[str] = deque(maxlen=_LATER)

    def check(self) -> None:
        """Raise SettingError where the allow-list does not have this place (any more)."""
        check_allowed(*self._place)

    def moved(self, location: str) -> str:
        """Return the words for a redirect to `location`, without secrets."""
        try:
            return self.scrub(f": it has moved to {Address(urljoin(self.url, location)).shown}")
        except SettingError as error:
            return f": it has moved to where we do not go ({self.scrub(str(error))})"

    def hide(self, secrets: Iterable[str]) -> None:
        """Take these out of texts as well, from now on; of many, the newest."""
        for each in secrets:
            if len(each) >= _SHORTEST and each not in self._later:
                self._later.append(each)

    def scrub(self, text: str) -> str:
        """Return `text` without the secrets."""
        # The longest first: one secret may be a part of another.
        for secret in sorted(self._secrets.union(self._later), key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text


def proxy_secrets(*, proxy: str | bool | None) -> set[str]:
    """Return what a proxy's URL should not show; True stands for the environment's.

    Raises SettingError where it is named here and the allow-list does not have its host.
    """
    if isinstance(proxy, str):
        check_allowed(None, urlsplit(proxy).hostname)
    urls = [proxy] if isinstance(proxy, str) else getproxies().values() if proxy else []
    return {secret for url in urls for secret in _secrets(urlsplit(url))}


def _secrets(parts: SplitResult) -> set[str]:
    secrets = {value for _, value in parse_qsl(parts.query)} | {parts.query}
    for each in (parts.password, parts.username):
        secrets |= {each, unquote(each)} if each else set()
    return secrets | {each for each in parts.path.split("/") if _segment(each) is _HIDDEN}


def _segment(text: str) -> str:
    secret = len(text) >= _KEY_LENGTH and any(map(str.isdigit, text))
    return _HIDDEN if secret else text
