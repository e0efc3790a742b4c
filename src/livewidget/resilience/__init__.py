"""Care around connections: I/O-free rules that sources and sinks share."""

from livewidget.resilience.backoff import Backoff
from livewidget.resilience.breaker import Circuit, CircuitBreaker
from livewidget.resilience.health import ConnectionHealth

__all__ = ["Backoff", "Circuit", "CircuitBreaker", "ConnectionHealth"]
