"""The store that needs no server: a folder of Parquet files, and a log of what is newest."""

from livewidget.storage.embedded.store import EmbeddedStore

__all__ = ["EmbeddedStore"]
