"""A stage of the live path, and the evidence on how it keeps up. Pure: the engine fills it in."""

from __future__ import annotations

from dataclasses import dataclass

# The stages in the order that rows pass them; a chart adds those after the buffer.
SOURCE, PIPELINE, BUFFER, STORE, SINK = "source", "pipeline", "buffer", "store", "sink"
FRAMES, LINK, BROWSER = "frames", "link", "browser"
ORDER = (SOURCE, PIPELINE, BUFFER, STORE, SINK, FRAMES, LINK, BROWSER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How one stage did over the last interval.

    `arrived` and `served` are in rows a second (frames a second from `frames` on). `busy` is the
    part of the time that it worked, 0 to 1; `held` the part for which it had work but what is
    behind it took none. `queue` items wait before it, of `capacity` at most (None: no bound), and
    they became `growth` more a second. `wait_ms` is for how long the oldest of them waits, None
    where that is not known. `dropped` are the rows a second that it gave up. `wanted`, of
    `frames` alone, are the frames a second that were asked for before the chart's controller
    lowered them to those that arrive.
    """

    name: str
    label: str
    arrived: float = 0.0
    served: float = 0.0
    busy: float = 0.0
    held: float = 0.0
    queue: float = 0.0
    capacity: float | None = None
    growth: float = 0.0
    wait_ms: float | None = None
    dropped: float = 0.0
    wanted: float = 0.0
    state: str = ""
