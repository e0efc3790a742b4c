"""Care around connections: I/O-free rules that sources and sinks share."""

from livewidget.resilience.backoff import Backoff

__all__ = ["Backoff"]
