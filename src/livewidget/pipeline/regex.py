"""Regular expressions that cannot take for ever: `re`, behind a check of the pattern.

`re` backtracks, and a pattern in which several repeats can take the same characters needs time
that grows with a power of the length of the text, or doubles with each character. So a repeat of
something that itself repeats or chooses is refused, and so are more than a few repeats in a row
that can all take one character with nothing between them to stop it.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter

from livewidget.data.errors import SettingError, quote

MOST_PATTERN = 2_000  # characters
MOST_RUN = 3  # repeats in a row that can take one character: the power of the worst time
_MOST_COPIES = 20  # of a group {n}
_MOST_STEPS = 5_000  # of the check itself: groups {n} in groups {n} multiply
_ALPHABET = frozenset(map(chr, range(9, 127))) | {"é", "\u2028"}  # these stand for the others
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d*)(,?)(\d*)\})[?+]?")
_GROUP = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^0-9kNU])", re.DOTALL)
_SET = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ATOMIC = re.compile(r"\(\?>")

_Run = Counter[str]  # for each character: the repeats so far that can take it


def compiled(
    pattern: object,
    name: str,
    *,
    start: int = 0,
    most: int = MOST_RUN,
    trusted: tuple[str, ...] = (),
) -> re.Pattern[str]:
    """Return a pattern, compiled, with at most `most` repeats in a row for any character.

    `start` is how many repeats its use adds: a search adds one. What stands in the atomic groups
    that are `trusted` is known to be harmless.

    Raises SettingError that names the setting, the pattern and what is wrong with it.
    """
    if not isinstance(pattern, str) or len(pattern) > MOST_PATTERN:
        raise SettingError(
            f"{name} is a regular expression of at most {MOST_PATTERN} characters, "
            f"got {quote(pattern)}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # '[[' will mean something else one day
            known = re.compile(pattern)
            _Check(pattern, start, most, trusted).check()
    except (re.error, RecursionError, OverflowError, _HazardError) as error:
        raise SettingError(f"{name} {quote(pattern)}: {error}") from None
    return known


class _HazardError(ValueError):
    pass


class _Check:
    """Walks a pattern that `re` has taken, and counts for each character who can take it."""

    def __init__(self, pattern: str, start: int, most: int, trusted: tuple[str, ...]) -> None:
        self._text = pattern
        self._at = 0
        self._steps = 0
        self._start = start
        self._most = most
        self._trusted = trusted

    def check(self) -> None:
        self._choice(Counter(dict.fromkeys(_ALPHABET, self._start)))

    def _choice(self, before: _Run) -> tuple[_Run, frozenset[str], bool]:
        """Walk alternatives; return the run after, what they take, and if there was but one way."""
        after, taken, plain = self._sequence(before)
        while self._at < len(self._text) and self._text[self._at] == "|":
            self._at += 1
            other, more, _ = self._sequence(before)
            after, taken, plain = after | other, taken | more, False
            after = self._add(after, taken)
        return after, taken, plain

    def _sequence(self, run: _Run) -> tuple[_Run, frozenset[str], bool]:
        taken: frozenset[str] = frozenset()
        plain = True
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            run, more, simple = self._item(run)
            taken, plain = taken | more, plain and simple
        return run, taken, plain

    def _item(self, before: _Run) -> tuple[_Run, frozenset[str], bool]:
        start = self._at
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise _HazardError("it is too long")
        if _ATOMIC.match(self._text, start):
            return self._atomic(before)
        grouped = _GROUP.match(self._text, start)
        if grouped:
            self._at = grouped.end()
            after, taken, plain = self._choice(before)
            self._at += 1
        else:
            taken, plain = self._atom(), True
            after = _only(before, taken) if taken else before
        least, most = self._quantifier()
        if most == 1 and least == 1:
            return after, taken, plain
        if grouped and least == most:
            return self._copies(start, before, most or 0), taken, False
        if not plain and most != 1:
            raise _HazardError(
                f"{self._text[start : self._at]!r} repeats what itself repeats or chooses: "
                "it could take for ever"
            )
        kept = before | after if least == 0 else after
        return self._add(kept, taken), taken, False

    def _copies(self, start: int, run: _Run, count: int) -> _Run:
        if count > _MOST_COPIES:
            raise _HazardError(f"a group is repeated {{n}} at most {_MOST_COPIES} times")
        end = self._at
        for _ in range(count):
            opened = _GROUP.match(self._text, start)
            assert opened is not None
            self._at = opened.end()
            run, _, _ = self._choice(run)
        self._at = end
        return run

    def _atomic(self, before: _Run) -> tuple[_Run, frozenset[str], bool]:
        """An atomic group is never entered again: what is in it adds nothing to what follows."""
        limit = self._most
        if self._text.startswith(self._trusted, self._at):
            self._most = len(self._text)
        self._at += 3
        _, taken, _ = self._choice(before)
        self._at += 1
        self._most = limit
        if self._quantifier() != (1, 1):
            raise _HazardError("an atomic group is not repeated")
        return before, taken, False

    def _add(self, run: _Run, taken: frozenset[str]) -> _Run:
        more = run + Counter(taken)
        if max(more.values(), default=0) > self._most:
            raise _HazardError(
                f"up to {self._text[: self._at]!r} more than {self._most} repeats can take the "
                "same characters, which could take for ever: put something between them, or write "
                "sets that differ ([^ ]+ rather than .*)"
            )
        return more

    def _atom(self) -> frozenset[str]:
        """Pass one single atom; return the characters of the alphabet that it matches."""
        start = self._at
        for form in (_SET, _ESCAPE):
            found = form.match(self._text, start)
            if found:
                self._at = found.end()
                break
        else:
            if self._text[start] in "(\\":
                raise _HazardError(
                    f"{self._text[start : start + 4]!r} is not taken here: groups are (...), "
                    "(?:...) and (?P<name>...), without looking around or back"
                )
            self._at = start + 1
        atom = self._text[start : self._at]
        if atom in ("^", "$") or atom in (r"\b", r"\B", r"\A", r"\Z"):
            return frozenset()
        own = re.compile(atom)
        return frozenset(filter(own.fullmatch, _ALPHABET))

    def _quantifier(self) -> tuple[int, int | None]:
        found = _QUANTIFIER.match(self._text, self._at)
        if found is None or found.group() == "{}":
            return 1, 1
        self._at = found.end()
        sign = found.group()[0]
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        low, comma, high = found.groups()
        least = int(low or 0)
        return least, (int(high) if high else None) if comma else least


def _only(run: _Run, taken: frozenset[str]) -> _Run:
    """Return the run past something that must be there: who cannot take that starts anew."""
    return Counter({each: run[each] for each in taken if run[each]})
