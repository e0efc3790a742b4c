"""Alert rules over a stream: what holds, for how long, and the events that tell of it."""

from livewidget.pipeline.alerts.alert import Alert
from livewidget.pipeline.alerts.event import ALERTS
from livewidget.pipeline.alerts.rule import Rule

__all__ = ["ALERTS", "Alert", "Rule"]
