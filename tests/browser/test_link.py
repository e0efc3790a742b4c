"""The link and waiting in a real JupyterLab: what is heard beside a busy cell, and how soon."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator

import pytest

from .notebook import Notebook

MAKE = """
import json, statistics, threading, time
import anywidget, ipywidgets, traitlets
from livewidget.widgets.link import Link, hear_beside_cells
from livewidget.widgets.wait import wait

class Probe(anywidget.AnyWidget):
    _esm = "export default { render({ model }) { window.probe = model; } }"
    link = traitlets.Unicode().tag(sync=True)
    pressed = traitlets.Int(0).tag(sync=True)

heard, deaf = [], []
link = Link()
link.handler = lambda content, buffers: heard.append((time.time() * 1000 - content["at"]))
stop = threading.Event()

def ticking():
    while not stop.wait(0.05):
        link.send({"kind": "tick"}, [b"12345678"])
        deaf.append(link.deaf())

threading.Thread(target=ticking, daemon=True).start()
probe = Probe(link=link.model_id)
hear_beside_cells(probe.comm)
probe
"""
BUSY = """
heard.clear(); deaf.clear()
until = time.time() + 4
while time.time() < until:
    pass
print(json.dumps({"heard": list(heard), "deaf": list(deaf)}))
"""
# The page speaks ten times a second, as a dragged chart does.
SPEAK = """(async () => {
  const model = await probe.widget_manager.get_model(probe.get("link"));
  window.heardTicks = 0;
  model.on("msg:custom", (content, buffers) => {
    if (content.kind === "tick" && buffers[0].byteLength === 8) heardTicks += 1;
  });
  window.speaking = setInterval(() => model.send({ kind: "ack", at: Date.now() }), 100);
})()"""


@pytest.fixture
def linked(notebook: Notebook) -> Iterator[Notebook]:
    """A notebook whose first cell has made a link that ticks, and a widget with a trait."""
    notebook.set_cells(MAKE, BUSY, "")
    notebook.js("delete window.probe")
    notebook.run(0)
    notebook.until("window.probe")
    yield notebook
    notebook.js("clearInterval(window.speaking)")
    notebook.ask("stop.set(); link.close(); probe.close()")


def test_the_browser_is_heard_beside_a_busy_cell(linked: Notebook, kernel: str) -> None:
    linked.js(SPEAK)
    linked.until("heardTicks > 3")
    before = linked.js("heardTicks")
    seen = json.loads(linked.run(1))
    # From the kernel to the browser it goes on, whatever the kernel.
    assert linked.js("heardTicks") - before > 20
    if kernel == "ipykernel6":
        assert seen["heard"] == []
        assert seen["deaf"][-1]
    else:
        assert len(seen["heard"]) > 20
        assert statistics.median(seen["heard"]) < 200
        assert not any(seen["deaf"])
    linked.ask("heard.clear()")
    linked.until("lab.idle")
    linked.until_kernel("len(heard) > 3 and not link.deaf()")


def test_a_widgets_trait_changes_while_a_cell_waits(linked: Notebook) -> None:
    linked.set_cell(2, "print('at', wait(lambda: probe.pressed, timeout=20))")
    linked.start(2)
    linked.until("lab.kernel.status === 'busy'")
    linked.js("(probe.set('pressed', 7), probe.save_changes())")
    assert linked.finish(2) == "at 7\n"


def test_custom_messages_are_handled_while_a_cell_waits(linked: Notebook) -> None:
    linked.set_cell(2, "heard.clear(); print(wait(lambda: len(heard) > 3, timeout=20))")
    linked.js(SPEAK)
    assert linked.run(2) == "True\n"


def test_what_is_printed_stays_with_its_cell(linked: Notebook) -> None:
    """A thread's messages name the cell that made the link; prints do not follow them there."""
    linked.js(SPEAK)
    linked.until("heardTicks > 3")
    linked.set_cell(2, "for i in range(20):\n    print(i, end=' ', flush=True); time.sleep(0.02)")
    assert linked.run(2) == " ".join(map(str, range(20))) + " "
    assert [output["output_type"] for output in linked.outputs(0)] == ["execute_result"]
