"""What the caches of an operator count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock


class Counts(Mapping[str, int]):
    """Counters by name, of one operator in all its streams. May be used from any thread."""

    def __init__(self, *names: str) -> None:
        self._counts = dict.fromkeys(names, 0)
        self._lock = Lock()

    def add(self, name: str, count: int) -> None:
        """Count so many more."""
        if count:
            with self._lock:
                self._counts[name] += count

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        return f"Counts({self._counts})"
