"""The message of an alert: a template that only ever puts in what is listed here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.alerts.grammar import is_text

FIELDS = ("rule", "key", "state", "priority", "value", "time", "since")
MOST_TEXT = 1_000  # characters of a template
_WAYS = re.compile(r"[+]?,?(\.\d{1,2})?[eEfFgG%]?")  # no width: a message is not padded
_EXPECTED = "a message is text with {rule}, {key}, {state}, {priority}, {time}, {since} and {value}"


class Message:
    """A template such as "{key}: {value:.1f} degrees". Immutable.

    Raises SettingError for any other field, for attributes, indices, conversions, and for a way of
    writing that is none of those of a number, such as `.1f`.
    """

    def __init__(self, template: str) -> None:
        if template != "" and not is_text(template, MOST_TEXT):
            raise SettingError(f"{_EXPECTED}; got {quote(template)}")
        try:
            parts = list(Formatter().parse(template))
        except ValueError as error:
            raise SettingError(f"{_EXPECTED}; {quote(template)} is none: {error}") from None
        self.template = template
        self._parts = [(literal, name, ways or "") for literal, name, ways, _ in parts]
        self._fields = {name for _, name, _ in self._parts}
        for _, name, ways, conversion in parts:
            self._check(name, ways or "", conversion)

    def _check(self, name: str | None, ways: str, conversion: str | None) -> None:
        if name is None:
            return
        if name not in FIELDS or conversion:
            written = f"{name}!{conversion}" if conversion else name
            raise SettingError(f"{_EXPECTED}; {quote(self.template)} has {{{written}}}")
        if ways and (name != "value" or not _WAYS.fullmatch(ways)):
            what = "only {value} is written in a way of its own, such as {value:.1f}"
            raise SettingError(f"{what}; {quote(self.template)} has {{{name}:{ways}}}")

    def has(self, name: str) -> bool:
        """Say whether a field is in it."""
        return name in self._fields

    def __call__(self, values: Mapping[str, str], value: float) -> str:
        """Return the message; `values` has all `FIELDS` that are in it but `value`."""
        text = []
        for literal, name, ways in self._parts:
            text.append(literal)
            if name == "value":
                text.append(format(value, ways or "g"))
            elif name is not None:
                text.append(values[name])
        return "".join(text).strip()
