"""Named patterns for log lines: `%{NAME}`, `%{NAME:field}` and `%{NAME:field:type}` in a regex."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Kind
from livewidget.pipeline.regex import MOST_PATTERN, compiled

# Atomic, `(?>...)`, where the first match is the one that is meant: nothing is tried twice.
PATTERNS: dict[str, str] = {
    "WORD": r"(?>\b\w+\b)",
    "NOTSPACE": r"\S+",
    "SPACE": r"\s*",
    "INT": r"(?>[+-]?\d+)",
    "POSINT": r"(?>\d+)",
    "NUMBER": r"(?>[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)",
    "HEX": r"(?>(?:0[xX])?[0-9a-fA-F]+)",
    "IPV4": r"(?>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})",
    "IPV6": r"(?>[0-9a-fA-F]*:[0-9a-fA-F:.]+)",
    "IP": r"(?>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+)",
    "HOST": r"(?>[\w.:-]+)",
    "USER": r"(?>[\w.@-]+)",
    "UUID": r"(?>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})",
    "PATH": r"/[^\s?#]*",
    "URI": r"\w+://\S+",
    "QUOTED": r'"[^"]*"',
    "LEVEL": r"(?>[A-Za-z]+)",
    "ISO8601": r"(?>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)",
    "HTTPDATE": r"(?>\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})",
    "DATA": r".*?",
    "GREEDYDATA": r".*",
}
PATTERNS["COMMONLOG"] = (
    r"%{HOST:client} %{USER:ident} %{USER:user} \[%{HTTPDATE:time:time}\] "
    r'"%{DATA:request}" %{INT:status} (?:%{INT:bytes}|-)'
)
PATTERNS["COMBINEDLOG"] = PATTERNS["COMMONLOG"] + r' "%{DATA:referrer}" "%{DATA:agent}"'
_ATOMIC = tuple(each for each in PATTERNS.values() if each.startswith("(?>"))
FORMATS = {"HTTPDATE": "%d/%b/%Y:%H:%M:%S %z"}  # of times; all others are ISO 8601 or numbers
_NUMBERS = ("INT", "POSINT", "NUMBER")
_MOST_REPEATS = 2  # in a row: a line of 4,096 characters costs some tenths of a second at worst
_FIELD = re.compile(r"%\{(\w+)(?::([A-Za-z_]\w*))?(?::(\w+))?\}")
_LITERAL = re.compile(r"(?:[\w ,:;\"'/=<>@#&!~%-]|\\[^\w])+")


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a line: its name, the kind of its column, and the format of its times."""

    name: str
    kind: Kind
    form: str | None = None


def expand(pattern: object) -> tuple[re.Pattern[str], tuple[Part, ...]]:
    """Return the pattern of a whole line, compiled and safe, and its fields in their order.

    `%{DATA}` before something literal reaches to the first place where that stands. A field of
    INT, POSINT or NUMBER is a float where no type is given, any other one text; groups
    `(?P<name>...)` are text. Raises SettingError for names, types and patterns that are none.
    """
    if not isinstance(pattern, str) or not pattern or len(pattern) > MOST_PATTERN:
        raise SettingError(
            f"pattern is text of 1 to {MOST_PATTERN} characters, such as "
            f"'%{{IP:client}} %{{NUMBER:bytes:float}}'; got {quote(pattern)}"
        )
    for name in ("COMBINEDLOG", "COMMONLOG"):
        pattern = pattern.replace(f"%{{{name}}}", PATTERNS[name])
    parts: dict[str, Part] = {}
    own = compiled(_written_out(pattern, parts), "pattern", most=_MOST_REPEATS, trusted=_ATOMIC)
    for name in own.groupindex:
        parts.setdefault(name, Part(name, Kind.TEXT))
    if not parts:
        raise SettingError(f"pattern names no field, as in '%{{IP:client}}'; got {quote(pattern)}")
    return own, tuple(parts[name] for name in own.groupindex)


def _written_out(pattern: str, parts: dict[str, Part]) -> str:
    """Return the regex, and note its fields in `parts`."""
    out, at = [], 0
    for found in _FIELD.finditer(pattern):
        out.append(pattern[at : found.start()])
        at = max(at, found.end())
        text = _group(found, parts)
        if found[1] == "DATA":
            literal, after, at = _literal(pattern, found.end())
            if literal and at < len(pattern):  # at the end there is nothing to go back for
                text = f"(?>{text}{literal}){after}"
            else:
                at = found.end()
        out.append(text)
    return "".join(out) + pattern[at:]


def _group(found: re.Match[str], parts: dict[str, Part]) -> str:
    name, field, of = found.groups()
    known = PATTERNS.get(name)
    if known is None or "%{" in known:
        close = get_close_matches(name, PATTERNS, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise SettingError(
            f"there is no pattern {quote(found.group())}; {hint}they are {', '.join(PATTERNS)}"
        )
    if field is None:
        return f"(?:{known})" if known[0] != "(" else known
    if field in parts:
        raise SettingError(f"pattern has the field {field!r} twice: {quote(found.group())}")
    parts[field] = Part(field, kind_of(field, of, name), FORMATS.get(name))
    return f"(?P<{field}>{known})"


def kind_of(field: str, of: str | None, pattern: str = "") -> Kind:
    """Return the kind of a field: what its type says, else what its pattern gives."""
    if of is None:
        return Kind.FLOAT if pattern in _NUMBERS else Kind.TEXT
    try:
        return Kind(of)
    except ValueError:
        kinds = ", ".join(kind.value for kind in Kind)
        raise SettingError(f"the type of {field!r} is one of {kinds}; got {quote(of)}") from None


def _literal(pattern: str, start: int) -> tuple[str, str, int]:
    """Return the literal text at a place, the regex to put behind it, and where it ends.

    Of `x+` it takes one x, and puts `x*` behind it; of any other repeat it takes nothing.
    """
    found = _LITERAL.match(pattern, start)
    text = found.group() if found is not None else ""
    if pattern.startswith("{", start + len(text)):  # the start of the next field
        text = text.removesuffix("%")
    end = start + len(text)
    sign = pattern[end : end + 1]
    if not text or sign not in ("*", "+", "?", "{"):
        return text, "", end
    unit = text[-2:] if text[-2:-1] == "\\" else text[-1:]
    if sign == "+" and pattern[end + 1 : end + 2] not in ("+", "?"):
        return text, f"{unit}*", end + 1
    return text.removesuffix(unit), "", end - len(unit)
