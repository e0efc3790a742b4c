"""The library's client as we want it. Imported when a connection is made: it takes its time."""

from __future__ import annotations

from websockets.asyncio.client import connect


class Connect(connect):
    """Follows no redirect: headers and credentials would go to whoever is named there."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Return the error as it is."""
        return exc
