"""One value out of a JSON message, without reading the rest of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

_FAILURES = (msgspec.MsgspecError, ValueError, RecursionError)


def key_at(path: str) -> Callable[[bytes], str | None]:
    """Return a function that gives the text or number at a path (`"data.stream"`) as text.

    None where there is none, and for what is no JSON object.
    """
    pick = _picker(path, str | int | None, None, _as_key)

    def key(message: bytes) -> str | None:
        value = pick(message)
        return None if value is None else str(value)

    return key


def part_at(path: str) -> Callable[[bytes], bytes]:
    """Return a function that gives the JSON text at a path, b"" where there is none."""
    pick = _picker(path, msgspec.Raw, msgspec.Raw(), _as_json)

    def part(message: bytes) -> bytes:
        return bytes(pick(message) or b"")

    return part


def _picker(
    path: str, kind: Any, default: object, as_given: Callable[[object], object]
) -> Callable[[bytes], Any]:
    names = path.split(".")
    for name in reversed(names):
        field = ("part", kind, default)
        kind = msgspec.defstruct("Part", [field], rename={"part": name}, gc=False) | None
        default = None
    decode = msgspec.json.Decoder(kind).decode

    def pick(message: bytes) -> Any:
        try:
            value: Any = decode(message)
        except _FAILURES:
            return slow(message)
        for _ in names:
            if value is None:
                return None
            value = value.part
        return value

    def slow(message: bytes) -> Any:
        """NaN and Infinity, which Python writes, are numbers."""
        if b"NaN" not in message and b"Infinity" not in message:
            return None
        try:
            value = json.loads(message)
            for name in names:
                value = value[name]
        except (*_FAILURES, LookupError, TypeError):
            return None
        return as_given(value)

    return pick


def _as_key(value: object) -> object:
    return value if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _as_json(value: object) -> bytes:
    return json.dumps(value).encode()
