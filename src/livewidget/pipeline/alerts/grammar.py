"""A rule in one line, taken apart: `temperature > 100 for 5m clear below 95`.

    CONDITION [per DURATION] [for DURATION] [clear above|below NUMBER | clear CONDITION]
    no data for DURATION
    FIRST then SECOND within DURATION

The words count outside quotes and brackets only, and never as the first word of a part: a column
of such a name is `column('for')`. What stands between them is checked by whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.syntax import MOST_TEXT

WORDS = ("then", "within", "per", "for", "clear")
NO_DATA = "no data"
FORMS = (
    "a rule is a condition, as in 'temperature > 100 for 5m clear below 95', "
    "'no data for 30s', or 'a then b within 10s'"
)
_COMES = {
    "then": "a condition or a rule, as in 'a then b within 10s'",
    "within": "a duration, as in 'within 10s'",
    "per": "a duration, as in 'rate(x) > 3 per 10s'",
    "for": "a duration, as in 'for 5m'",
    "clear": "'below 95', 'above 5' or a condition",
}
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[()\[\]{}]|\w+")
_DEPTHS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_NUMBER = re.compile(r"\d+(\.\d*)?")
_NAMED = re.compile(r"\s*([A-Za-z_][\w-]*)\s*:(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """The parts of one line: what stands first, and what follows each of `WORDS`."""

    text: str
    head: str
    parts: dict[str, str] = field(default_factory=dict)

    def part(self, word: str) -> str:
        """Return what follows a word; empty where it is not there."""
        return self.parts.get(word, "")

    def only(self, *words: str) -> None:
        """Raise SettingError where another word is there than those that go with this form."""
        for word in self.parts:
            if word not in words:
                raise SettingError(f"{word!r} does not go with {quote(self.text)}; {FORMS}")


def read(text: str) -> Line:
    """Take a line apart. Raises SettingError for a word that stands twice or before nothing."""
    if not is_text(text):
        raise SettingError(f"{FORMS}; got {quote(text)}")
    text = " ".join(text.split())
    cuts = list(_cuts(text))
    line = Line(text, text[: cuts[0][1]].strip() if cuts else text)
    ends = [*(start for _, start, _ in cuts[1:]), len(text)]
    for (word, start, stop), end in zip(cuts, ends, strict=False):
        inside = text[stop:end].strip()
        if word in line.parts:
            raise SettingError(_shown(f"{word!r} stands twice; {FORMS}", text, start))
        if not inside:
            raise SettingError(_shown(f"after {word!r} comes {_COMES[word]}", text, stop))
        line.parts[word] = inside
    return line


def is_text(value: object, most: int = MOST_TEXT) -> bool:
    """Say whether a setting is text, not empty and not longer than `most` characters."""
    return isinstance(value, str) and bool(value.strip()) and len(value) <= most


def named(text: str) -> tuple[str, str]:
    """Return the name and the rest of `name: rule`; without a name the line is its own."""
    match = _NAMED.fullmatch(text)
    return (match[1], match[2].strip()) if match else (" ".join(text.split()), text)


def nanoseconds(value: object, word: str) -> int:
    """Return a duration in ns, 1 or more; a bare number is seconds, as text too."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    return max(1, round(seconds(value, word) * 1e9))


def _cuts(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each word that takes the line apart, with its place."""
    depth, begun = 0, False
    for match in _TOKEN.finditer(text):
        found = match[0]
        depth += _DEPTHS.get(found, 0)
        if found in WORDS and not depth and begun:
            yield found, match.start(), match.end()
            begun = False
            continue
        begun = True


def _shown(what: str, text: str, place: int) -> str:
    return f"{what} (column {place + 1})\n    {text}\n    {' ' * place}^"
