"""What the tests' cells work with in the kernel, run there before each test."""

from . import late

PRELUDE = """
import json, threading, time
import numpy as np
import psutil
from IPython.display import display
from livewidget import LiveChart
from livewidget.data.errors import ClosedError

for each in globals().get("boxes", []) + globals().get("charts", []):
    each.close()
if "stop" in globals():
    stop.set()
boxes, charts, stop = [], [], threading.Event()

def make(**options):
    chart = LiveChart(x="time", **{"y": ["value"], "window": 10, **options})
    charts.append(chart)
    return chart

def feed(chart, batches=50, rows=1, ended=stop):
    "Push a sine from a thread: so many batches a second, of so many rows."
    spread = np.arange(1 - rows, 1) * (1_000_000_000 // batches // rows)
    def run():
        while not ended.wait(1 / batches):
            times = time.time_ns() + spread
            try:
                chart.push({"time": times, "value": 10 * np.sin(times / 1e9)})
            except ClosedError:
                return
    threading.Thread(target=run, name="feed", daemon=True).start()
    return chart

def threads():
    "Those of the kernel and of livewidget: a feed of a closed chart ends at its next push."
    return [each.name for each in threading.enumerate() if each.name != "feed"]
"""
if late.WANTED:
    PRELUDE += late.KERNEL

LIVE = "chart = feed(make(title='Test')); chart"
