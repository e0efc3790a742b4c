"""Models that learn as the stream flows: anomalies, changes, trends, forecasts."""

from livewidget.pipeline.models.arima import Arima
from livewidget.pipeline.models.changes import Change
from livewidget.pipeline.models.detect import Detect
from livewidget.pipeline.models.drift import Drift, Trend
from livewidget.pipeline.models.forecast import Forecast
from livewidget.pipeline.models.model import Estimate, Estimates, Model
from livewidget.pipeline.models.residual import Residual
from livewidget.pipeline.models.robust import RobustZ
from livewidget.pipeline.models.slope import Slope
from livewidget.pipeline.models.smoothing import Smoothing
from livewidget.pipeline.models.trees import HalfSpaceTrees

__all__ = [
    "Arima",
    "Change",
    "Detect",
    "Drift",
    "Estimate",
    "Estimates",
    "Forecast",
    "HalfSpaceTrees",
    "Model",
    "Residual",
    "RobustZ",
    "Slope",
    "Smoothing",
    "Trend",
]
