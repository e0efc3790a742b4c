"""A TOML or YAML file as plain data that remembers its lines, so that an error can name one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from livewidget.data.errors import SettingError, quote
from livewidget.data.toml_lines import Place, toml_lines

MOST_BYTES = 1 << 18  # of a file: settings that a person writes have some kilobytes
FORMS = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}
_AT = re.compile(r" \(at line (\d+), column \d+\)$")


class Document:
    """The data of one file, dicts with keys of text, lists and scalars, and the line of each place.

    A place is a path into the data, such as `("pipeline", 0, "do")`. Immutable by agreement; any
    thread may read it.
    """

    def __init__(self, data: dict[str, Any], lines: Mapping[Place, int], name: str) -> None:
        self.data = data
        self.name = name
        self._lines = lines

    @classmethod
    def load(cls, path: str | Path) -> Document:
        """Read a file whose name ends in .toml, .yaml or .yml; YAML needs the extra 'yaml'.

        Raises SettingError that names the file, and the line where there is one: for a file that
        is not there, has more than `MOST_BYTES`, or cannot be read as what its name says.
        """
        path = Path(path)
        form = FORMS.get(path.suffix.lower())
        if form is None:
            raise SettingError(f"{path}: a file of settings ends in {', '.join(FORMS)}")
        try:
            with path.open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise SettingError(f"{path}: cannot be read: {error.strerror}") from None
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if len(raw) <= MOST_BYTES:
                line = raw.count(b"\n", 0, error.start) + 1
                raise SettingError(f"{path}, line {line}: it is not UTF-8") from None
            text = ""  # cut within a character: too long, as the next line finds
        if len(raw) > MOST_BYTES:
            raise _too_long(str(path))
        return cls.parse(text, form, str(path))

    @classmethod
    def parse(cls, text: str, form: str = "toml", name: str = "the settings") -> Document:
        """Read text in one of the forms 'toml' and 'yaml'. Raises SettingError as `load` does."""
        if form not in FORMS.values():
            raise SettingError(f"form is 'toml' or 'yaml', got {quote(form)}")
        if len(text) > MOST_BYTES:
            raise _too_long(name)
        try:
            data, lines = _toml(text, name) if form == "toml" else _yaml(text, name)
        except RecursionError:
            raise SettingError(f"{name}: it is nested too deeply") from None
        return cls(data, lines, name)

    def line(self, place: Place = ()) -> int:
        """Return the line, from 1, of a place; where it is not known, of the nearest around it."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def error(self, place: Place, what: object) -> SettingError:
        """Return an error that names the file and the line of a place."""
        return SettingError(f"{self.name}, line {self.line(place)}: {what}")

    def __repr__(self) -> str:
        return f"Document({self.name!r})"


def _too_long(name: str) -> SettingError:
    return SettingError(f"{name}: a file of settings has at most {MOST_BYTES} bytes")


def _toml(text: str, name: str) -> tuple[dict[str, Any], Mapping[Place, int]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT.search(str(error))
        line = int(found[1]) if found else text.rstrip().count("\n") + 1
        raise SettingError(f"{name}, line {line}: {_AT.sub('', str(error))}") from None
    except ValueError as error:  # a date that is none, a number of too many digits
        raise SettingError(f"{name}: {error}") from None
    return data, toml_lines(text)


def _yaml(text: str, name: str) -> tuple[dict[str, Any], Mapping[Place, int]]:
    from livewidget.data.yaml_lines import yaml_lines

    return yaml_lines(text, name)
