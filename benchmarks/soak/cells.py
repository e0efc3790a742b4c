"""The notebook of the soak: a cell for each source."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETUP, BUSY = 0, 6  # places of these cells; the charts stand between them
PUSH, SYNTHETIC, GENERATOR, SOCKET, PIPELINE = "push", "synthetic", "generator", "socket", "flow"
CHARTS = {PUSH: 1, SYNTHETIC: 2, GENERATOR: 3, SOCKET: 4, PIPELINE: 5}
BUSY_S = 3
CYCLE_S = 75.0  # of the acts of `World`: each chart's buffer is full again by its end


def cells(url: str, samples: Path, every: float) -> list[str]:
    """Return the sources of all cells. `url` is the WebSocket's, `samples` the sampler's file.

    A chart keeps ten windows: these are short, so that memory is full again within a cycle.
    """
    setup = f"""
import sys, threading, time
sys.path.append({json.dumps(str(ROOT))})
from benchmarks.soak.kernel import Pusher, Sampler, resources, walk
from livewidget import DataStreamer, LiveChart
from livewidget.buffers.queue import Queue
from livewidget.pipeline import Filter
from livewidget.sources import Synthetic
charts = {{}}
KEPT = "symbol != 'D'"
baseline = resources() | {{'names': [each.name for each in threading.enumerate()]}}
sampler = Sampler({json.dumps(str(samples))}, charts, {every})
"""
    made = {
        PUSH: 'LiveChart(x="time", y=["high", "low"], window=5, {shape}); Pusher(charts["push"])',
        SYNTHETIC: "LiveChart(Synthetic.sensors(rate=20_000), window=2, {shape})",
        GENERATOR: 'LiveChart(walk(), x="time", y="value", window=6, {shape})',
        SOCKET: f'LiveChart({json.dumps(url)}, x="time", y="value", window=5, proxy=False, '
        "sequence='id', {shape})",
        PIPELINE: "LiveChart(Synthetic.prices(rate=5_000, symbols=('A', 'B', 'C', 'D')), "
        "y='bid', by='symbol', window=4, pipeline=[Filter(KEPT)], workers=2, "
        "queue=Queue(overflow='drop_oldest'), {shape})",
    }
    shown = []
    for name, code in made.items():
        shape = f"max_fps=20, height=170, title={name!r}"
        shown.append(f"charts[{name!r}] = {code.format(shape=shape)}\ncharts[{name!r}]")
    busy = f"until = time.time() + {BUSY_S}\nwhile time.time() < until:\n    sum(range(100))"
    return [setup, *shown, busy]
