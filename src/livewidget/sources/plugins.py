"""Schemes that other packages add, by the entry points of the group `livewidget.sources`."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from livewidget.data.errors import SourceError

GROUP = "livewidget.sources"


def plugin(scheme: str) -> Any:
    """Return what an installed package made for `scheme`, called as `(url, **options)`, or None.

    Looked up each time: a package that was installed a moment ago counts. Raises SourceError, with
    the package's name, for one that cannot be imported, and where several want the same scheme.
    """
    found = [each for each in entry_points(group=GROUP) if each.name.lower() == scheme]
    if not found:
        return None
    if len({_package(each) for each in found}) > 1:
        names = " and ".join(sorted(_package(each) for each in found))
        raise SourceError(f"{scheme}:// is claimed by {names}: uninstall all but one")
    (entry, *_) = found
    try:
        return entry.load()
    except Exception as error:
        raise SourceError(
            f"{scheme}:// comes with the package {_package(entry)}, which cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def schemes() -> list[str]:
    """Return the schemes that installed packages add."""
    return sorted({each.name.lower() for each in entry_points(group=GROUP)})
