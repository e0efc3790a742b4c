"""Who we are, to a server that asks: credentials for each connection."""

from __future__ import annotations

import base64
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote as percent
from urllib.parse import urlencode, urlsplit, urlunsplit

from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.sources.worker import Worker

Headers = Mapping[str, str]
Asked = Callable[[], Headers | Awaitable[Headers]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What goes with one request. Nothing of it is in the repr."""

    headers: Headers = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    def secrets(self) -> Iterable[str]:
        """Yield every spelling in which a text could show them."""
        for value in self.headers.values():
            yield value
            yield from value.split()[1:]  # "Bearer" and "Basic" are no secrets
        for value in self.query.values():
            yield from (value, percent(value, safe=""))

    def added_to(self, url: str) -> str:
        """Return `url` with the query parameters."""
        if not self.query:
            return url
        parts = urlsplit(url)
        query = "&".join(each for each in (parts.query, urlencode(self.query)) if each)
        return urlunsplit(parts._replace(query=query))


class Auth(ABC):
    """What is asked for credentials before each connection."""

    @abstractmethod
    async def credentials(self, *, fresh: bool) -> Credentials:
        """Return what to send; `fresh` before a connect, else what was given may be given again.

        Raises SourceError where there is none to be had, and OSError where there may be later.
        """

    def renew(self) -> bool:
        """Forget what a server has refused; tell whether asking again may give something else."""
        return False

    def secrets(self) -> Iterable[str]:
        """Return what must not be shown, besides the credentials themselves."""
        return ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class _Fixed(Auth):
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def credentials(self, *, fresh: bool) -> Credentials:
        """Return the same each time."""
        del fresh
        return self._credentials


class Bearer(_Fixed):
    """A token in the header Authorization (RFC 6750, 2.1)."""

    def __init__(self, token: str) -> None:
        super().__init__(Credentials({"Authorization": f"Bearer {_plain('token', token)}"}))


class Basic(_Fixed):
    """User and password in the header Authorization (RFC 7617, in UTF-8)."""

    def __init__(self, user: str, password: str) -> None:
        if ":" in user:
            raise SettingError("user: HTTP's Basic scheme has no way to send a name with a colon")
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._password = password
        super().__init__(Credentials({"Authorization": f"Basic {pair}"}))

    def secrets(self) -> Iterable[str]:
        """Return the password, which the header holds in other letters."""
        return (self._password,)


class ApiKey(_Fixed):
    """A key in a header, or in a query parameter where `query` names one."""

    def __init__(self, value: str, header: str = "X-API-Key", *, query: str | None = None) -> None:
        key = _plain("value", value)
        super().__init__(
            Credentials({header: key}) if query is None else Credentials({}, {query: key})
        )


class Called(Auth):
    """Any callable, sync (in a thread of its own) or async, that returns a mapping of headers.

    What it raises is final until it has worked once, but for an OSError; then it is asked again.
    """

    def __init__(self, function: Asked) -> None:
        self._function = function
        self._last: Credentials | None = None
        self._worked = False

    async def credentials(self, *, fresh: bool) -> Credentials:
        """Ask the callable, unless what it said last will do."""
        if fresh or self._last is None:
            self._last = Credentials(_headers(await self._ask()))
            self._worked = True
        return self._last

    def renew(self) -> bool:
        """Forget; the callable may know better now."""
        self._last = None
        return True

    async def _ask(self) -> object:
        try:
            if inspect.iscoroutinefunction(self._function):
                return await self._function()
            async with Worker("auth") as worker:
                answer = await worker.call(self._function)
            return await answer if inspect.isawaitable(answer) else answer
        except OSError as error:
            raise OSError(f"auth raised {type(error).__name__}") from None
        except Exception as error:  # noqa: BLE001  (a user's function may raise anything)
            # Not its text and not its cause: either may hold what it works with.
            text = f"auth raised {type(error).__name__}"
            raise OSError(text) if self._worked else SourceError(text) from None


def to_auth(thing: object) -> Auth | None:
    """Return what an option `auth=` stands for. Raises SettingError, without the value in it."""
    if thing is None or isinstance(thing, Auth):
        return thing
    if callable(thing) and not isinstance(thing, type):
        return Called(cast("Asked", thing))
    raise SettingError(
        "auth is Bearer, Basic, ApiKey, OAuth2, or a callable that returns headers; "
        f"got {thing.__name__ if isinstance(thing, type) else type(thing).__name__}"
    )


def _headers(answer: Any) -> dict[str, str]:
    if not isinstance(answer, Mapping) or not all(
        isinstance(part, str) for pair in answer.items() for part in pair
    ):
        raise SourceError(
            f"auth returns a mapping of headers, text to text; got {quote(type(answer).__name__)}"
        )
    for name, value in answer.items():
        _plain(name, value)
    return dict(answer)


def _plain(name: str, value: object) -> str:
    # A line break within a header would begin another one.
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        raise SettingError(f"{name} is text of one line that is not empty (its value is not shown)")
    return value
