"""Operators on batches, between a source and its buffer."""

from livewidget.pipeline.alerts import Alert, Rule
from livewidget.pipeline.bytype import ByType
from livewidget.pipeline.calculate import Calculate, Filter
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.clean import Clean, Clip, Deduplicate, Normalise
from livewidget.pipeline.enrich import TimeFeatures
from livewidget.pipeline.fill import ForwardFill, Interpolate
from livewidget.pipeline.geo import Cell, Distance
from livewidget.pipeline.lookup import Lookup
from livewidget.pipeline.models import Detect, Drift, Forecast, Trend
from livewidget.pipeline.operator import Bound, Operator, Tally
from livewidget.pipeline.parse import Parse
from livewidget.pipeline.rolling import Rolling
from livewidget.pipeline.route import Route
from livewidget.pipeline.rules import Rules
from livewidget.pipeline.sequence import Sequence
from livewidget.pipeline.shape import Apply, Drop, Rename, Select
from livewidget.pipeline.validate import Check, Validate

__all__ = [
    "Alert",
    "Apply",
    "Bound",
    "ByType",
    "Calculate",
    "Cell",
    "Check",
    "Clean",
    "Clip",
    "Deduplicate",
    "Detect",
    "Distance",
    "Drift",
    "Drop",
    "Filter",
    "Forecast",
    "ForwardFill",
    "Interpolate",
    "Lookup",
    "Normalise",
    "Operator",
    "Parse",
    "Pipeline",
    "Rename",
    "Rolling",
    "Route",
    "Rule",
    "Rules",
    "Select",
    "Sequence",
    "Tally",
    "TimeFeatures",
    "Trend",
    "Validate",
]
