"""A notebook open in a browser: cells, kernel, what the person sees, what goes over the wire."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from . import late

if TYPE_CHECKING:
    import numpy.typing as npt
    from playwright.sync_api import ConsoleMessage, Locator, Page

SECONDS = 1000.0
ARTIFACTS = Path("artifacts/browser")

# What is not ours to mend, and why it is there.
EXPECTED_ERRORS: dict[str, str] = {
    "[anywidget] Failed to initialize model.": "anywidget's watch of two seconds over its own "
    "loading, which on a loaded machine may take longer; that a chart is there each test sees",
}

HERE = Path(__file__).parent


class Notebook:
    """One page on one notebook. Whatever waits, waits for a predicate and at most `timeout`.

    `renderer` is what its device prefers: "auto" would let the machine's pace decide.
    """

    def __init__(
        self, page: Page, url: str, kernel: str, prefix: str = "", renderer: str = "bqplot"
    ) -> None:
        self.page = page
        self.kernel = kernel
        self.url = f"{url}/lab/tree/{prefix}{kernel}.ipynb?reset"
        self.errors: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        if late.WANTED:
            page.add_init_script(late.PAGE)
        for script in ("wire.js", "page.js"):
            page.add_init_script(path=HERE / script)
        page.add_init_script(f"localStorage.setItem('livewidget.renderer', '{renderer}')")

    def open(self) -> None:
        """Load or reload the page and wait for its kernel."""
        self.page.goto(self.url)
        self._ready()

    def save(self) -> None:
        """Save the notebook, and with it the outputs that another page is to show."""
        self.js("jupyterapp.commands.execute('docmanager:save')")

    def refresh(self) -> None:
        """Save, and reload the page as a person does; the kernel goes on."""
        self.save()
        self.page.reload()
        self._ready()

    def _ready(self) -> None:
        self.until("lab.idle", timeout=60)

    def until(self, expression: str, timeout: float = 10, arg: Any = None) -> None:
        """Wait until an expression in the page is true; seconds."""
        script = f"(arg) => {expression}"
        self.page.wait_for_function(script, arg=arg, timeout=timeout * SECONDS, polling=20)

    def js(self, expression: str, arg: Any = None) -> Any:
        """What an expression in the page gives, promises awaited."""
        return self.page.evaluate(f"async (arg) => {expression}", arg)

    # Cells and kernel

    def set_cells(self, *sources: str) -> None:
        """Put these cells in the place of those that are there."""
        self.js("lab.setCells(arg)", list(sources))

    def set_cell(self, place: int, source: str) -> None:
        """Change one cell's source."""
        self.js("lab.cells.getCell(arg[0]).setSource(arg[1])", [place, source])

    def start(self, place: int = 0) -> None:
        """Run a cell and do not wait for it."""
        self.js("lab.run(arg)", place)

    def run(self, place: int = 0, timeout: float = 30) -> str:
        """Run a cell to its end; what it printed. AssertionError where it raised."""
        self.start(place)
        return self.finish(place, timeout)

    def finish(self, place: int = 0, timeout: float = 30) -> str:
        """Wait for a cell that was started; what it printed. AssertionError where it raised."""
        self.until("lab.ran[arg]", timeout, place)
        errors = [o for o in self.outputs(place) if o["output_type"] == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        return self.printed(place)

    def printed(self, place: int = 0) -> str:
        """What a cell has printed so far."""
        streams = [o for o in self.outputs(place) if o["output_type"] == "stream"]
        return "".join("".join(o["text"]) for o in streams)

    def outputs(self, place: int = 0) -> list[dict[str, Any]]:
        """A cell's outputs as the notebook format has them."""
        found: list[dict[str, Any]] = self.js("lab.outputs(arg)", place)
        return found

    def show(self, *sources: str) -> None:
        """Put cells in and run them all, one after another."""
        self.set_cells(*sources)
        for place in range(len(sources)):
            self.run(place)

    def ask(self, code: str) -> Any:
        """Run code beside the cells; what it printed, read as JSON where it is some."""
        answer = self.js("lab.ask(arg)", code)
        assert answer["error"] is None, answer["error"]
        try:
            return json.loads(answer["text"])
        except ValueError:
            return answer["text"]

    def until_kernel(self, expression: str, timeout: float = 10) -> None:
        """Wait until an expression is true in the kernel; seconds."""
        deadline = time.monotonic() + timeout
        while self.ask(f"print(bool({expression}))") != "True\n":
            assert time.monotonic() < deadline, f"not within {timeout} s: {expression}"

    def restart_kernel(self) -> None:
        """Restart the kernel and wait until it is idle again."""
        self.js("lab.kernel.restart()")
        self.until("lab.idle", timeout=30)

    # What is seen

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme: "JupyterLab Dark", "JupyterLab Light"."""
        self.js("jupyterapp.commands.execute('apputils:change-theme', {theme: arg})", name)
        light = "true" if name.endswith("Light") else "false"
        self.until(f"document.body.dataset.jpThemeLight === '{light}'")
        # JupyterLab covers a change with its splash screen, which fades.
        self.until("document.getElementById('jupyterlab-splash') === null")

    def scroll_to(self, place: int) -> None:
        """Bring a cell into sight, its output too."""
        self.js("lab.show(arg)", place)

    def screenshot(self, name: str, locator: Locator | None = None) -> npt.NDArray[np.uint8]:
        """Keep a picture among the artefacts; its pixels as rows, columns, RGB."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        png = (locator or self.page).screenshot(path=ARTIFACTS / f"{name}.png")
        return pixels(png)

    def heap_bytes(self) -> int:
        """What the page's scripts hold, after the garbage is gone."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        session.send("Performance.enable")
        metrics = session.send("Performance.getMetrics")["metrics"]
        session.detach()
        return int(next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize"))

    # What goes over the wire

    def wire(self) -> dict[str, int]:
        """Counts since the page was loaded: messages, bytes, ticks, tickBytes, sent."""
        counts: dict[str, int] = self.js("__wire")
        return counts

    def until_quiet(self, seconds: float = 1.5, timeout: float = 15) -> None:
        """Wait until no tick has come for so long."""
        self.js("(() => { __wire.quietSince = performance.now(); __wire.seen = __wire.ticks; })()")
        self.until(
            """(() => {
              if (__wire.ticks !== __wire.seen) __wire.quietSince = performance.now();
              __wire.seen = __wire.ticks;
              return performance.now() - __wire.quietSince > arg;
            })()""",
            timeout,
            seconds * SECONDS,
        )

    def assert_no_errors(self) -> None:
        """Nothing on the console that is not expected, with its reason, above."""
        ours = [e for e in self.errors if not any(known in e for known in EXPECTED_ERRORS)]
        self.errors.clear()
        assert not ours, "\n".join(ours)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self.errors.append(f"console: {message.text} ({where})")


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
