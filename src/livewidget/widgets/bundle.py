"""The frontend's bundle inside the package."""

from __future__ import annotations

from pathlib import Path

from livewidget.data.errors import LivewidgetError

STATIC = Path(__file__).parent / "static"


def bundle(name: str) -> str:
    """Return a file of the bundle as text. Raises LivewidgetError where it was not built."""
    path = STATIC / name
    if not path.is_file():
        raise LivewidgetError(
            "the frontend is not built. In a checkout run: make build (needs Node 20)"
        )
    return path.read_text(encoding="utf-8")
