"""What was seen of a chart's load, and how much of each budget that is. I/O-free."""

from __future__ import annotations

from dataclasses import dataclass

BUILDING = 0.5  # of the engine's thread: the rest takes the data in
LINEAR = ("building", "drawing")
WORTH_SAYING_MS = 10.0  # that a link takes: a local one's few are not


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What was seen lately. All times are in ms but for `seen_from`.

    Of the browser: `page_ms` of main thread a second drew and painted all its charts, `drawn` of
    `sent` frames a second of this one were drawn, `latency_ms` is arrival to pixel at p95 without
    `way_ms`, which the link takes at its quickest.
    `seen_from` (s, the controller's clock) is since when that is so, None where nothing is known.
    Of the kernel: `build_ms` makes one tick of all charts.
    `held`: what is under way has used up the credit. `growth` are the rows a second by which the
    queue of the pipeline grows. `hidden`: nobody sees the chart, nobody can be heard, or what is
    seen is being mended without loss: nothing is to be decided by it.
    """

    draw_ms: float = 0.0
    page_ms: float = 0.0
    drawn: float = 0.0
    sent: float = 0.0
    latency_ms: float | None = None
    way_ms: float = 0.0
    seen_from: float | None = None
    build_ms: float = 0.0
    held: bool = False
    growth: float = 0.0
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Pressure:
    """How much of a budget is used (1 is all of it) of the page's or the engine's, and the words.

    Figures of `sure` ones are means: they are acted on at once, others where seen twice.
    """

    name: str
    where: str
    used: float
    text: str
    sure: bool = True


def building(signals: Signals, fps: float) -> Pressure:
    """Return how much of the engine's time building `fps` frames a second takes."""
    part = signals.build_ms * fps / 1000
    used = part / BUILDING
    text = f"building frames takes {100 * part:.0f} % of the engine's time"
    if signals.growth > 0 and used > BUILDING:
        # The pipeline does not keep up on a thread that draws much: drawing gives way.
        used = max(used, 1.2)
        text += f", while {signals.growth:,.0f} more events a second wait for it"
    return Pressure("building", "engine", used, text, sure=False)


def late(signals: Signals, latency_ms: float, most: float) -> Pressure:
    """Return how much of the `most` ms from arrival to pixel `latency_ms` is."""
    way = signals.way_ms
    beside = f" beside the {way:.0f} ms of the link" if way >= WORTH_SAYING_MS else ""
    text = f"{latency_ms:.0f} ms from arrival to pixel{beside}, of {most:.0f} ms"
    return Pressure("latency", "page", latency_ms / most, text, sure=False)


def latency_of(pressures: list[Pressure]) -> Pressure:
    """Return that of the latency, which is among them."""
    return next(each for each in pressures if each.name == "latency")


def linear_of(pressures: list[Pressure]) -> Pressure:
    """Return the most used budget of those that are used in proportion to the load."""
    return max((each for each in pressures if each.name in LINEAR), key=lambda each: each.used)
