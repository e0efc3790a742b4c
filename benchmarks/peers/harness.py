"""Runs one peer under one load, in one browser, and tells what was measured."""

from __future__ import annotations

import json
import os
import re
import time
from multiprocessing.connection import Client
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.lab import Lab
from tests.browser.notebook import Notebook

from benchmarks.peers.base import Load, Peer
from benchmarks.peers.measure import Screencast, Work, painted
from benchmarks.peers.profile import profile
from benchmarks.peers.uplot import BURST, PAGE, setup

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

HEIGHTS = {True: 1000, False: 1300}  # of the page: one chart, or many, all in sight
ARTIFACTS = Path("artifacts/peers")
SETTLE_S = 1.5
CAST_S = 2.5
PROFILE_S = 1.5
BURST_WAIT_S = 4.0  # at most, for the burst's last row
PATIENCE_S = 20  # for the first picture
# Twenty charts in sight: their outputs side by side, and no margins that push them out of it.
STYLE = """
.jp-OutputArea { display: grid; grid-template-columns: repeat(%d, max-content); gap: 2px }
.jp-OutputArea-child { display: block !important; margin: 0 }
.jp-OutputPrompt, .jp-OutputArea-promptOverlay { display: none !important }"""
BOX = """(() => {
  const large = ({ clientWidth, clientHeight }) => clientWidth > 100 && clientHeight > 80;
  const found = [...document.querySelectorAll(arg)].find(large);
  if (!found) return null;
  const { x, y, width, height } = found.getBoundingClientRect();
  return { x, y, width, height };
})()"""


class Failed(Exception):  # noqa: N818 -- a result, not a mistake
    """The peer did not draw, or drew no more."""


def run(browser: Browser, lab: Lab, peer: Peer, load: Load, seconds: float) -> dict[str, Any]:
    """Measure one peer under one load; `{"failed": why}` where it does not draw."""
    sight: ViewportSize = {"width": 1500, "height": HEIGHTS[load.charts == 1]}
    page = browser.new_page(viewport=sight)
    page.add_init_script(path=__file__.replace("harness.py", "hooks.js"))
    page.set_default_timeout(60_000)
    try:
        drawing = Bare(page, load) if not peer.module else InLab(page, lab, peer, load)
        return _measured(page, drawing, peer, load, seconds)
    except Exception as error:  # noqa: BLE001 -- a peer that cannot run is a result
        told = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
        told = told or [type(error).__name__]
        return {"failed": told[-1 if told[0].startswith("---") else 0][:200]}


def _measured(
    page: Page, drawing: Bare | InLab, peer: Peer, load: Load, seconds: float
) -> dict[str, Any]:
    began = time.monotonic()
    while (box := drawing.ask_page(BOX, peer.plot)) is None:
        if time.monotonic() - began > PATIENCE_S:
            raise Failed(f"no picture within {PATIENCE_S} s. {drawing.log()['error'][-150:]}")
        page.wait_for_timeout(100)
    page.wait_for_timeout(1000 * SETTLE_S)
    first = drawing.log()
    work = Work(page, first.get("pid"))
    made = first.get("made_s", 0.0)
    slices = work.slices(seconds)
    log = drawing.log()
    took = sum(each["took"] for each in slices)
    feed = (log.get("made_s", 0.0) - made) / took
    memory = work.memory()
    assert page.context.browser is not None
    spent = profile(page.context.browser, page, PROFILE_S) if peer.profiled else {}
    box = drawing.ask_page(BOX, peer.plot) or box
    cast = Screencast(work.devtools)
    cast.start()
    page.wait_for_timeout(1000 * CAST_S)
    until = None
    if load.burst and not log["error"]:
        until = drawing.burst()
        page.wait_for_timeout(1000 * (1 + BURST_WAIT_S))
    cast.stop()
    _keep(cast, peer, load)
    log = drawing.log()
    seen, dated = painted(cast.shots, box, log["pushed"], peer.ink)
    before = [each for each in seen if until is None or each[0] < until - 1]
    return {
        "slices": slices,
        "feed": feed,
        "memory": memory,
        "painted": len(before) / CAST_S,
        "shots": len(cast.shots),
        "dated": dated,
        "ages": [each[2] for each in before],
        "burst": None if until is None else _lag(seen, until, log["pushed"]),
        "updates": _updates(log["pushed"], took),
        "error": log["error"].strip().splitlines()[-1][:200] if log["error"] else "",
        "profile": spent,
        "machine_load": os.getloadavg()[0],
        "box": box,
    }


def _keep(cast: Screencast, peer: Peer, load: Load) -> None:
    """Keep the last picture, for whoever doubts the figures."""
    if cast.shots:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        (ARTIFACTS / f"{peer.name}, {load.name}.jpg".replace("/", " a ")).write_bytes(
            cast.shots[-1].jpeg
        )


def _updates(pushed: list[list[float]], took: float) -> float:
    """Return the updates a second that the peer took, over the last seconds before the burst."""
    end = pushed[-1][0] if pushed else 0.0
    recent = [at for at, _ in pushed if at > end - took]
    return len(recent) / took


def _lag(
    seen: list[tuple[float, float, float]], until: float, pushed: list[list[float]]
) -> float | None:
    """Return the seconds from the burst's end to the picture that shows its last row."""
    last = max((newest for at, newest in pushed if at <= until), default=0.0)
    shown = [at for at, newest, _ in seen if newest >= last - 0.02]
    return max(0.0, shown[0] - until) if shown else None


class InLab:
    """A peer in a notebook of a JupyterLab."""

    def __init__(self, page: Page, lab: Lab, peer: Peer, load: Load) -> None:
        address = str(lab.folder / "peer.sock")
        lab.write("current.ipynb", [peer.cell(load, address)], "current")
        self._notebook = Notebook(page, lab.url, "current")
        self._notebook.open()
        page.add_style_tag(content=STYLE % load.columns)
        page.evaluate("jupyterapp.shell.collapseLeft()")
        # A page that is behind hears of the cell's end late: the kernel is asked instead.
        self._notebook.start()
        began = time.monotonic()
        while not Path(address).exists():
            if time.monotonic() - began > PATIENCE_S:
                raise Failed(self._notebook.finish(timeout=1))
            page.wait_for_timeout(100)
        self._kernel = Client(address)

    def ask_page(self, script: str, arg: str) -> Any:
        """Return what an expression in the page gives."""
        return self._notebook.js(script, arg)

    def log(self) -> dict[str, Any]:
        """Return the feeder's log."""
        self._kernel.send("log")
        told: dict[str, Any] = self._kernel.recv()
        return told

    def burst(self) -> float:
        """Begin a burst; when it ends."""
        self._kernel.send("burst")
        return float(self._kernel.recv())


class Bare:
    """uPlot in a page of its own."""

    def __init__(self, page: Page, load: Load) -> None:
        self._page = page
        page.goto(PAGE.as_uri())
        page.evaluate("(arg) => window.startPeer(arg)", setup(load))

    def ask_page(self, script: str, arg: str) -> Any:
        """Return what an expression in the page gives."""
        return self._page.evaluate(f"async (arg) => {script}", arg)

    def log(self) -> dict[str, Any]:
        """Return the page's own log."""
        told = self._page.evaluate("JSON.stringify(window.__peer)")
        return {"error": "", **json.loads(told)}

    def burst(self) -> float:
        """Begin a burst; when it ends."""
        return float(self._page.evaluate(BURST))
