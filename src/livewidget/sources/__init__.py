"""Where data comes in: one file a product, and the connection care around them."""

from livewidget.sources.base import LoopClock, Outlet, Source
from livewidget.sources.machine import Machine
from livewidget.sources.resolve import resolve
from livewidget.sources.synthetic import Synthetic

__all__ = ["LoopClock", "Machine", "Outlet", "Source", "Synthetic", "resolve"]
