"""A picture of a chart, taken by a browser that shows it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livewidget.data.errors import LivewidgetError
from livewidget.widgets.wait import wait

if TYPE_CHECKING:
    from livewidget.engine.hub import Hub

MOST_BYTES = 64 * 2**20


def save_picture(hub: Hub, chart: int, path: Path, timeout: float) -> Path:
    """Ask the browsers for a PNG of `chart` and write the first that comes to `path`."""
    answers: list[tuple[dict[str, Any], list[memoryview]]] = []
    request = uuid.uuid4().hex
    hub.engine.call(lambda: hub.inbox.expect(request, lambda *answer: answers.append(answer)))
    hub.send({"kind": "save", "chart": chart, "request": request, "format": "png"})

    def a_browser_sends_the_picture() -> bool:
        return bool(answers)

    try:
        wait(a_browser_sends_the_picture, timeout)
    except TimeoutError:
        raise TimeoutError(
            f"no browser sent a picture within {timeout:g} s: the chart must be visible in a page"
        ) from None
    finally:
        hub.engine.call(lambda: hub.inbox.forget(request))
    content, buffers = answers[0]
    if content.get("error") or not buffers or memoryview(buffers[0]).nbytes > MOST_BYTES:
        raise LivewidgetError(f"no picture: {content.get('error') or 'the browser sent none'}")
    path.write_bytes(buffers[0])
    return path
