"""What is done to the notebook of the soak, again and again: a cycle of acts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error as BrowserError
from tests.browser.notebook import Notebook

from benchmarks.soak.cells import BUSY, CHARTS, SETUP
from benchmarks.soak.feed import FAULTS, Feed

if TYPE_CHECKING:
    from playwright.sync_api import Page

TURNS = 12  # the refreshes come back after so many cycles
REFRESHED = (1, 3)  # of those: the page lives short at first, then long enough to tell a leak
FRAMES = 3  # so many more are a chart that moves
RECOVERY_S = 30.0  # what has not come back after so long is a fault
# Each view by itself: one that takes the place of another counts from its own beginning.
MOVING = """(() => {
  const views = [...document.querySelectorAll(".livewidget")];
  for (const view of views) {
    const frames = Number(view.dataset.frames ?? 0);
    if (view.soak?.turn !== arg.turn) view.soak = { turn: arg.turn, frames };
  }
  const moved = (view) => Number(view.dataset.frames) >= view.soak.frames + arg.more;
  return views.length === arg.views && views.every(moved);
})()"""


@dataclass
class World:
    """The page, the feed and the acts, and what went wrong. From the thread that made the page.

    `cycles` are when each began, `acts` (time, what was done), all in seconds since the epoch;
    `recoveries` are (time, act, seconds until every chart drew again); `faults` plain sentences.
    """

    notebook: Notebook
    feed: Feed
    cycles: list[float] = field(default_factory=list)
    acts: list[tuple[float, str]] = field(default_factory=list)
    recoveries: list[tuple[float, str, float]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _front: Page | None = None
    _cycles: int = 0

    def script(self) -> list[tuple[float, Callable[[], None]]]:
        """Return the next cycle: (seconds from its start, act), in order."""
        turn, self._cycles = self._cycles, self._cycles + 1
        again = list(CHARTS)[turn % len(CHARTS)]
        fault = FAULTS[turn % len(FAULTS)]
        self.cycles.append(time.time())
        acts: list[tuple[float, Callable[[], None]]] = [
            (1, lambda: self._run(again)),
            (9, lambda: self._fault(fault)),
            (16, self._heal),
            (25, self._cover),
            (34, self._uncover),
            (40, self._to_front),
            (48, self._to_back),
            (54, self._busy),
        ]
        if turn % TURNS in REFRESHED:
            acts.append((62, self._refresh))
        return acts

    def do(self, act: Callable[[], None]) -> None:
        """Do one act of the script. One that fails is a fault, and the soak goes on."""
        try:
            act()
        except (AssertionError, BrowserError) as error:
            self._wrong(f"after {self.acts[-1][1]}: {str(error).splitlines()[0]}", "lab.idle")

    def begin(self) -> None:
        """Run the cells, the charts too."""
        for place in (SETUP, *CHARTS.values()):
            self.notebook.run(place, timeout=60)
        self.settle("the first run", 60)

    def settle(self, act: str, timeout: float = RECOVERY_S) -> None:
        """Wait until every chart draws, and note how long that took after an act."""
        begun = time.monotonic()
        try:
            wanted = {"turn": len(self.recoveries), "more": FRAMES, "views": len(CHARTS)}
            self.notebook.until(MOVING, timeout, wanted)
        except BrowserError:
            states = "[...document.querySelectorAll('.livewidget')].map((it) => it.dataset.state)"
            self._wrong(f"after {act}: not every chart drew within {timeout:.0f} s", states)
        self.recoveries.append((time.time(), act, time.monotonic() - begun))

    def _wrong(self, what: str, look: str) -> None:
        told: Any = ""
        with suppress(BrowserError):
            told = self.notebook.js(look)
        self.faults.append(f"{time.strftime('%H:%M:%S')} {what}: {told}")

    def _note(self, act: str) -> None:
        self.acts.append((time.time(), act))

    def _run(self, chart: str) -> None:
        self._note(f"{chart} run again")
        self.notebook.run(CHARTS[chart])
        self.settle("a cell was run again")

    def _fault(self, name: str) -> None:
        self._note(name)
        self.feed.fault(name)

    def _heal(self) -> None:
        self.feed.heal()
        self.settle("a fault of the network")

    def _cover(self) -> None:
        self._note("tab covered")
        self.notebook.js("lab.cover()")

    def _uncover(self) -> None:
        uncover(self.notebook)
        self.settle("the tab was covered")

    def _to_front(self) -> None:
        self._note("another page in front")
        self._front = self.notebook.page.context.new_page()
        self._front.goto("about:blank")
        self._front.bring_to_front()

    def _to_back(self) -> None:
        if self._front is not None:
            self._front.close()
        self.notebook.page.bring_to_front()
        self.settle("another page was in front")

    def _busy(self) -> None:
        self._note("busy cell")
        self.notebook.run(BUSY)
        self.settle("a cell that ran for 3 s")

    def _refresh(self) -> None:
        self._note("refresh")
        self.notebook.refresh()
        self.settle("a refresh")


def uncover(notebook: Notebook) -> None:
    """Bring the notebook to the front again, and close the tab that was there, as a person does."""
    notebook.js("lab.uncover()")
    notebook.js(
        "[...jupyterapp.shell.widgets('main')].filter((it) => it.id.startsWith('launcher'))"
        ".forEach((it) => it.dispose())"
    )
