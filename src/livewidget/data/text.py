"""Text as codes into a list of categories: no Python object an event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.errors import SchemaError, quote

OVERFLOW = "…"
PLAIN = frozenset({str, type(None)})  # what most text is made of


class Text:
    """A column of text: `codes` (int32, -1 where missing) into `categories` (str)."""

    __slots__ = ("categories", "codes")

    def __init__(self, codes: npt.NDArray[np.int32], categories: tuple[str, ...]) -> None:
        self.codes = codes
        self.categories = categories

    @classmethod
    def encode(cls, items: Iterable[object]) -> Text:
        """Encode str, int (a key is often a number) and None. Raises SchemaError for others."""
        items = items if isinstance(items, list) else list(items)
        if PLAIN.issuperset(map(type, items)):
            return cls._encode_plain(items)
        table: dict[str, int] = {}
        codes = []
        for item in items:
            if isinstance(item, (str, int)) and not isinstance(item, bool):
                codes.append(table.setdefault(str(item), len(table)))
            elif is_missing(item):
                codes.append(-1)
            else:
                raise SchemaError(f"{quote(item)} is not text")
        return cls(np.array(codes, dtype=np.int32), tuple(table))

    @classmethod
    def join(cls, parts: Sequence[Text]) -> Text:
        """Return the rows of all parts, one after another. Costs what the parts' rows cost."""
        first = parts[0].categories
        if all(part.categories is first or part.categories == first for part in parts):
            return cls(np.concatenate([part.codes for part in parts]), first)
        table: dict[str, int] = {}
        codes = []
        for part in parts:
            used, places = np.unique(part.codes, return_inverse=True)
            new = [
                -1 if code < 0 else table.setdefault(part.categories[code], len(table))
                for code in used.tolist()
            ]
            codes.append(np.array(new, dtype=np.int32)[places])
        return cls(np.concatenate(codes), tuple(table))

    @classmethod
    def _encode_plain(cls, items: list[Any]) -> Text:
        known = dict.fromkeys(items)
        known.pop(None, None)
        table: dict[Any, int] = {item: code for code, item in enumerate(known)}
        table[None] = -1
        codes = np.fromiter(map(table.__getitem__, items), dtype=np.int32, count=len(items))
        return cls(codes, tuple(known))

    def decode(self) -> npt.NDArray[np.object_]:
        """Return an object array of str and None."""
        table = np.array([*self.categories, None], dtype=object)
        return table[self.codes]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice | npt.NDArray[np.generic]) -> Text:
        return Text(self.codes[rows], self.categories)


def is_missing(item: object) -> bool:
    """Say whether it is None, or what pandas has in its place: NaN, or an NA equal to nothing."""
    return item is None or type(item).__name__ == "NAType" or item != item  # noqa: PLR0124


class Dictionary:
    """The categories that one column of a stream has had, bounded.

    Codes are stable for the life of the stream. Past `limit` categories new text becomes
    `OVERFLOW`, and `overflowed` counts it.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._table: dict[str, int] = {}
        self._limit = limit
        self.overflowed = 0

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories, in the order of their codes."""
        return tuple(self._table)

    def recode(self, text: Text) -> npt.NDArray[np.int32]:
        """Return the codes of `text` in this dictionary, which grows to hold them."""
        lookup = [self._code(category) for category in text.categories]
        return np.array([*lookup, -1], dtype=np.int32)[text.codes]

    def _code(self, category: str) -> int:
        known = self._table.get(category)
        if known is not None:
            return known
        if len(self._table) >= self._limit:
            self.overflowed += 1
            category = OVERFLOW
        return self._table.setdefault(category, len(self._table))

    def __len__(self) -> int:
        return len(self._table)
