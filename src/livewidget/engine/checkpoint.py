"""The state of a stream's operators, kept with the place in its source that it belongs to."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

from livewidget.codecs.state import pack, unpack
from livewidget.data.clock import Clock
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, StateError, quote
from livewidget.engine.archive import Archive
from livewidget.engine.blocking import off_loop
from livewidget.engine.bookmark import Bookmark
from livewidget.engine.line import Line
from livewidget.pipeline.operator import State
from livewidget.sources.base import Outlet, Source

log = logging.getLogger("livewidget")
OWN = "pipeline"  # the name of what a streamer's own operators keep in its own store


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Where the state of a stream's operators is kept, how often, and for how long it holds.

    `name` tells it from that of other streams in the same store; `every` is the time between two,
    which is what is worked on again after a crash; one that is older than `most_age` is not gone on
    from. Durations as `window` takes them. Raises SettingError.
    """

    name: str = OWN
    every: object = "5s"
    most_age: object = "24h"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_-]+", str(self.name)):
            raise SettingError(
                f"a checkpoint's name is made of a-z, 0-9, - and _, got {quote(self.name)}"
            )
        seconds(self.every, "every")
        seconds(self.most_age, "most_age")


class Checkpoint(Bookmark):
    """A bookmark that keeps the operators' state, too: both as of the same row.

    What a stream gives after it goes on is what it would have given without the pause. The rows
    since the last checkpoint are read again, and what they gave comes again: twice for outputs and
    alerts, which have the same times, keys and values then; not in the stream's own store, where
    the source is another stream, whose rows come again in the same order.

    The state lies in `home`. `own` is the store that the results go to, if any. With `once` the
    rows cannot be read again: a state is kept at the end alone, and is good for one beginning.
    """

    def __init__(
        self,
        source: Source,
        home: Archive,
        own: Archive | None,
        line: Line,
        settings: Checkpoints,
        clock: Clock,
        *,
        once: bool = False,
    ) -> None:
        super().__init__(source, home)
        self._line = line
        self._own = own if own is not None and own.durable else None
        self._settings = settings
        self._once = once
        self._clock = clock
        self._every = seconds(settings.every, "every")
        self._due = 0.0
        self._most_age = seconds(settings.most_age, "most_age")

    @property
    def keeps(self) -> bool:
        """Whether the operators have a state to be gone on from."""
        return self._line.flow is not None and self._line.flow.remembers

    def open(self) -> None:
        """Have the operators and the source go on where they were. Blocks.

        A state that is too old, damaged or of other operators is left, with a warning, and the
        operators begin anew where the source goes on.
        """
        data = self.archive.load_state(self._settings.name)
        try:
            kept = None if data is None else unpack(data)
            if kept is not None and kept["source"] == self.source.name:
                self._go_on(kept)
                if self._once:
                    self._save(None, None, None)  # after a crash it would be of another time
                return
        except (StateError, KeyError, ValueError, TypeError) as error:
            log.warning("%s begins anew: what was kept is of no use: %s", self.source.name, error)
        super().open()
        first = getattr(self.source, "first", None)
        if first is not None:  # what it begins with is known: a crash before long changes nothing
            self.source.go_on(first)
            self._save(first, self._results(), None)

    async def end(self) -> None:
        """Keep the state for the last time: all that was read has come through."""
        await self._keep(None)

    async def _look(self, outlet: Outlet) -> None:
        """Keep position and state where that is due; a position alone costs little."""
        if self._clock.monotonic() >= self._due and self._line.bound:
            await self._keep(outlet)
            every = self._every if self.keeps else 0.0
            self._due = self._clock.monotonic() + every

    def _go_on(self, kept: dict[str, Any]) -> None:
        flow = self._line.flow
        assert flow is not None
        age = (self._clock.now() - int(kept["at"])) / 1e9
        name = self.source.name
        try:
            if age <= self._most_age:
                flow.go_on(kept["state"], getattr(self.source, "schema", None))
            else:
                told = f"{age:,.0f} s old, and holds for {self._most_age:,.0f} s"
                log.warning("the operators of %s begin anew: their state is %s", name, told)
        except StateError as error:
            log.warning("the operators of %s begin anew: %s", name, error)
        if kept["position"] is not None:
            self.source.go_on(kept["position"])
            self.went_on = True
        if self._own is not None and kept["results"] is not None:
            flow.skip = max(0, self._own.store.rows - int(kept["results"]))

    async def _keep(self, outlet: Outlet | None) -> None:
        flow, source = self._line.flow, self.source
        assert flow is not None
        position, state, results = await flow.state(lambda: source.reached, self._results)
        await source.lasting()
        await (self._line.stored() if outlet is None else outlet.stored())
        if self._own is None and self.delivered is not None and outlet is not None:
            await self.delivered()  # without a store of its own outputs cannot go on by themselves
        try:
            await off_loop(self._save, position, results, state)
        except Exception as error:  # noqa: BLE001  (a store of the user's may raise anything)
            # At the end the store of the stream that is read may have been closed before.
            level = logging.WARNING if outlet is not None else logging.INFO
            log.log(level, "the state of %s was not kept: %s", source.name, error)

    def _save(self, position: str | None, results: int | None, state: State | None) -> None:
        kept = {
            "at": self._clock.now(),
            "source": self.source.name,
            "position": position,
            "results": results,
            "state": state,
        }
        self.archive.save_state(self._settings.name, pack(kept))

    def _results(self) -> int | None:
        """Return how many rows the own store has, with those under way; None where it may not."""
        repeats = getattr(self.source, "repeats", False)
        return self._line.put if self._own is not None and repeats else None
