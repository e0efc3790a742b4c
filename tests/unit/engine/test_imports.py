"""What an import loads: a program streams without a notebook, and starts fast."""

import subprocess
import sys

WIDGETS = ("IPython", "anywidget", "bqplot", "ipykernel", "ipywidgets", "traitlets")
HEAVY = ("numpy", "pandas", "pyarrow", "psutil", "websockets", "asyncio", "msgspec")


def run(code):
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_loads_nothing_that_is_slow():
    code = f"""
import sys
before = set(sys.modules)
import livewidget
print(sorted(set({WIDGETS + HEAVY}) & (set(sys.modules) - before)))
"""
    assert run(code).strip() == "[]"


def test_a_program_streams_windows_and_stores_with_the_widget_packages_missing():
    code = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {WIDGETS}:
            raise ImportError(f"{{name}} is blocked")
sys.meta_path.insert(0, Refuse())
from livewidget import BufferManager, DataStreamer, PerformanceMonitor
from livewidget.engine.hub import Hub
from livewidget.engine.session import ChartSession
from livewidget.engine.thread import Engine
from livewidget.testing import RecordingTransport, wait_until
import time
transport = RecordingTransport()
hub = Hub(transport)
with DataStreamer(buffer=BufferManager(retention=60)) as streamer:
    session, monitor = ChartSession(1, streamer), PerformanceMonitor(streamer)
    Engine.shared().call(lambda: hub.add(session, monitor))
    view = dict(kind="view", client="a", chart=1, view=1, width=800, visible=True, ratio=1)
    transport.receive(view)
    streamer.push({{"time": time.time(), "y": 5}})
    hub.engine.call(hub.wake)
    wait_until(lambda: any(buffers for _, buffers in transport.of_kind("tick")))
    print(len(streamer.to_dataframe()), monitor.figures()["state"])
Engine.shared().close()
try:
    from livewidget import LiveChart
except ImportError as error:
    print("blocked" in str(error))
"""
    assert run(code).split() == ["1", "live", "True"]


def test_every_public_name_is_there():
    assert run("import livewidget; [getattr(livewidget, n) for n in livewidget.__all__]") == ""
