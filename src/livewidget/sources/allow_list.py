"""Which hosts and schemes a source may open, in a deployment that many share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from livewidget.data.errors import SettingError, quote

HOSTS, SCHEMES = "LIVEWIDGET_ALLOWED_HOSTS", "LIVEWIDGET_ALLOWED_SCHEMES"


@dataclass(frozen=True, slots=True)
class Rule:
    """One list: what passes, and where it comes from. None passes all."""

    origin: str
    hosts: tuple[str, ...] | None = None
    schemes: tuple[str, ...] | None = None

    def refusal(self, scheme: str | None, host: str | None) -> str:
        """Return why this place is refused, "" where it passes; what is None is not judged."""
        if self.schemes is not None and scheme is not None and scheme.lower() not in self.schemes:
            return f"{scheme.lower()}:// is not among the schemes that {self.origin} allows"
        if host is None or self.hosts is None or any(_fits(host, each) for each in self.hosts):
            return ""
        return f"{host} is not among the hosts that {self.origin} allows"


class AllowList:
    """Rules that may grow in number and never go: each can only narrow. Any thread."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._lock = threading.Lock()

    def narrow(self, rule: Rule) -> None:
        """Let only pass, from now on, what this rule lets pass as well."""
        with self._lock:
            self._rules = (*self._rules, rule)

    def check(self, scheme: str | None, host: str | None) -> None:
        """Raise SettingError, with the host and the list's origin, for what is not allowed."""
        for rule in self._rules:
            if refusal := rule.refusal(scheme, host):
                raise SettingError(refusal)


def from_environment(environment: Mapping[str, str]) -> list[Rule]:
    """Return the rules that the variables hold: names with commas between."""
    hosts, schemes = (
        _names(environment[name].split(","), name) if name in environment else None
        for name in (HOSTS, SCHEMES)
    )
    rules = [Rule(HOSTS, hosts=hosts)] if hosts is not None else []
    return rules + ([Rule(SCHEMES, schemes=schemes)] if schemes is not None else [])


def allow(hosts: Iterable[str] | None = None, schemes: Iterable[str] | None = None) -> None:
    """Let sources open only these, in the whole process, from now on.

    A host is a name, `.example.org` for it and all below it, or a pattern (`feed-*.example.org`);
    a scheme is `wss`, `https`, `file` and so on. None leaves that part as it is. It can only
    narrow: what the environment variables LIVEWIDGET_ALLOWED_HOSTS and LIVEWIDGET_ALLOWED_SCHEMES
    or an earlier call refuse stays refused. A running source is stopped at its next connect.

    A rail for honest people, no prison: code in a kernel can open a socket of its own. What must
    hold against it is a firewall's business. Raises SettingError for what is no list of names.
    """
    rule = Rule(
        "livewidget.sources.allow",
        None if hosts is None else _names(hosts, "hosts"),
        None if schemes is None else _names(schemes, "schemes"),
    )
    _process.narrow(rule)


def check_allowed(scheme: str | None, host: str | None = None) -> None:
    """Raise SettingError where a source may not go; a file has no host, a proxy no scheme."""
    _process.check(scheme, host)


def _names(given: Iterable[str], name: str) -> tuple[str, ...]:
    if isinstance(given, str):
        raise SettingError(f"{name} is a list of names, got {quote(given)}")
    names = tuple(each.strip().rstrip(".").lower().removesuffix("://") for each in given)
    return tuple(each for each in names if each)


def _fits(host: str, pattern: str) -> bool:
    host = host.lower().rstrip(".")
    if pattern.startswith("."):
        return host == pattern[1:] or host.endswith(pattern)
    return fnmatchcase(host, pattern)


# Read once: a cell that sets the variables afterwards changes nothing.
_process = AllowList(from_environment(os.environ))
