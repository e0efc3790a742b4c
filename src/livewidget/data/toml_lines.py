"""In which line of a TOML text each key, table and item stands.

`tomllib` tells no places. The text was read by it before: it is well-formed, and what is here
only has to find its way through it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

Place = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\]|\\.)*+"'
    r"|'[^']*+'",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]++")
_SCALAR = re.compile(r"[^,\]}#\n]++")
_DOT = re.compile(r"[ \t]*+\.[ \t]*+")


def toml_lines(text: str) -> Mapping[Place, int]:
    """Return the line, from 1, of each place in a well-formed TOML text."""
    return _Finder(text.replace("\r\n", "\n")).find()


class _Finder:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0  # up to here the lines are counted
        self._line = 1
        self._lines: dict[Place, int] = {(): 1}
        self._arrays: dict[Place, int] = {}  # arrays of tables: how many there are so far

    def find(self) -> Mapping[Place, int]:
        """Walk the text once."""
        table: Place = ()
        self._space()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._space()
        return self._lines

    def _header(self) -> Place:
        line, array = self._here(), self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        self._space()
        place: Place = ()
        *outer, last = self._key()
        for part in outer:
            place = self._inner((*place, part), line)
        place = (*place, last)
        if array:
            count = self._arrays.get(place, 0)
            self._arrays[place] = count + 1
            self._note(place, line)
            place = (*place, count)
        self._lines[place] = line
        self._space()
        self._at += 2 if array else 1
        return place

    def _inner(self, place: Place, line: int) -> Place:
        """Return the table that a name before a dot means: in an array, its last one."""
        self._note(place, line)
        count = self._arrays.get(place, 0)
        return (*place, count - 1) if count else place

    def _pair(self, table: Place) -> None:
        line = self._here()
        for part in self._key():
            table = (*table, part)
            self._note(table, line)
        self._space()
        self._at += 1  # =
        self._space()
        self._value(table)

    def _value(self, place: Place) -> None:
        first = self._text[self._at]
        if first == "[":
            self._items(place)
        elif first == "{":
            self._inline(place)
        else:
            found = _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
            assert found is not None
            self._at = found.end()

    def _items(self, place: Place) -> None:
        self._at += 1
        self._space()
        count = 0
        while self._text[self._at] != "]":
            item = (*place, count)
            self._note(item, self._here())
            self._value(item)
            self._comma()
            count += 1
        self._at += 1

    def _inline(self, place: Place) -> None:
        self._at += 1
        self._space()
        while self._text[self._at] != "}":
            self._pair(place)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        self._space()
        if self._text[self._at] == ",":
            self._at += 1
            self._space()

    def _key(self) -> list[str]:
        parts = [self._name()]
        while found := _DOT.match(self._text, self._at):
            self._at = found.end()
            parts.append(self._name())
        return parts

    def _name(self) -> str:
        bare = _BARE.match(self._text, self._at)
        if bare is not None:
            self._at = bare.end()
            return bare.group()
        quoted = _STRING.match(self._text, self._at)
        assert quoted is not None
        self._at = quoted.end()
        return str(tomllib.loads(f"key = {quoted.group()}")["key"])

    def _space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _note(self, place: Place, line: int) -> None:
        self._lines.setdefault(place, line)
