"""Which stages bound the rate now, by what waits before them and how busy they are. I/O-free.

Operational laws (Denning and Buzen, 1978): the stage that bounds a line is the one that works all
the time while work waits before it and what is behind it has room. What stands before that stage is
held by it and works less; what stands behind it waits for work. Stores and sinks are fed beside
each other, and the picture goes at a pace of its own, so that several stages may bound something
at once. The source bounds the rate where nothing else does and all behind it has time to spare.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import fmean

from livewidget.monitor.stages import (
    BROWSER,
    BUFFER,
    FRAMES,
    LINK,
    PIPELINE,
    SINK,
    SOURCE,
    STORE,
    Stage,
)

WINDOW = 4  # readings, over which shares and queues are averaged
_ENTER, _LEAVE = 2, 3  # readings in a row before a stage is named, and before it is so no longer
_EASE = 0.75  # of each threshold, for a stage that is named already
BUSY = 0.75  # of the time: near the rate that a stage can serve (queues grow as 1 / (1 - busy))
FULL = 0.4  # of the capacity: a queue that blocks goes to and fro between half and full
_GROWS = 0.04  # of what arrives: slower growth is not told from the unevenness of arrivals
_STARVES = 0.15  # of what arrives: a queue that grows so fast is no unevenness
_BACKLOG_S = 1.0  # of work: more than that is being worked off
_ALWAYS = 0.92  # of the time: there is none left
_DRAWS = 0.7  # of a browser's main thread: so much drawing leaves it no time for the page
_HELD = 0.15  # of the time
_SHORT = 0.85  # of the frames that are asked for, or made
_IDLE = 0.7  # busy less than that, a stage has time to spare
DATA = (PIPELINE, BUFFER, STORE, SINK)
_QUEUED = (PIPELINE, STORE, SINK)  # the buffer's queue is full and empty within a beat
_AVERAGED = ("arrived", "served", "busy", "held", "queue", "growth", "dropped", "wanted")
_GIVES_NOTHING = ("waiting", "reconnecting", "stale", "suspended", "failed")


@dataclass(frozen=True, slots=True)
class Limit:
    """A stage that bounds the rate now: its name, what it is called, a sentence, its numbers."""

    stage: str
    label: str
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)


_Key = tuple[str, str]
_Mean = Mapping[_Key, Stage]


class Bottleneck:
    """Names what bounds the rate, from one reading of the stages after the other.

    A stage is named once the mean of the last `WINDOW` readings has spoken for it twice in a row,
    and is so until it has not, by easier thresholds, three times in a row.
    """

    def __init__(self) -> None:
        self._seen: deque[Sequence[Stage]] = deque(maxlen=WINDOW)
        self._for: dict[_Key, int] = {}  # readings in a row that spoke for a stage
        self._against: dict[_Key, int] = {}  # and against one that is named
        self.limits: tuple[Limit, ...] = ()

    def update(self, stages: Sequence[Stage]) -> tuple[Limit, ...]:
        """Take a reading; return what bounds the rate now, in the order of the stages."""
        self._seen.append(stages)
        means = _means(self._seen)
        named = {(each.stage, each.label) for each in self.limits}
        voted = {key for key, stage in means.items() if _votes(stage, means, eased=key in named)}
        if not any(name != SOURCE for name, _ in voted | (named & means.keys())):
            voted |= {
                key
                for key, stage in means.items()
                if stage.name == SOURCE and _is_slow(stage, means, eased=key in named)
            }
        self._count(named, voted, means)
        kept = [
            key
            for key in means
            if (key in named and key in self._against and self._against[key] < _LEAVE)
            or self._for.get(key, 0) >= _ENTER
        ]
        self.limits = tuple(_limit(means[key], means) for key in _without_source(kept))
        return self.limits

    def _count(self, named: set[_Key], voted: set[_Key], means: _Mean) -> None:
        self._for = {key: self._for.get(key, 0) + 1 for key in voted}
        self._against = {
            key: 0 if key in voted else self._against.get(key, 0) + 1
            for key in named
            if key in means
        }


def _without_source(kept: list[_Key]) -> list[_Key]:
    """Return what is to be named: the source only by itself, or with what hurts the picture."""
    if any(name in DATA for name, _ in kept):
        return [key for key in kept if key[0] != SOURCE]
    return kept


def _means(seen: Sequence[Sequence[Stage]]) -> _Mean:
    """Return the stages of the newest reading with the means of their figures."""
    found: dict[_Key, Stage] = {}
    for newest in seen[-1]:
        key = newest.name, newest.label
        told = [stage for stages in seen for stage in stages if (stage.name, stage.label) == key]
        figures = {name: fmean(getattr(each, name) for each in told) for name in _AVERAGED}
        rest = {each.name: getattr(newest, each.name) for each in fields(Stage)}
        found[key] = Stage(**(rest | figures))
    return found


def _votes(stage: Stage, means: _Mean, *, eased: bool) -> bool:
    """Say whether a reading speaks for a stage; of a source it says whether it fails to give."""
    judge = _JUDGES.get(stage.name)
    return judge is not None and judge(stage, means, _EASE if eased else 1.0)


def _one(means: _Mean, name: str) -> Stage | None:
    return next((stage for (each, _), stage in means.items() if each == name), None)


def _source(stage: Stage, _: _Mean, __: float) -> bool:
    return stage.state in _GIVES_NOTHING


def _data(stage: Stage, means: _Mean, ease: float) -> bool:
    if stage.state in ("failing", "full"):
        return True
    if stage.busy < BUSY * ease or stage.held >= _HELD:  # held: what is behind it is the limit
        return False
    source = _one(means, SOURCE)
    # On the thread that reads the source no queue shows it: whoever works there holds the source.
    most = _ALWAYS * (2 + ease) / 3
    holds = stage.name == PIPELINE and source is not None and source.held >= most
    return holds or _waits(stage, ease)


def _waits(stage: Stage, ease: float) -> bool:
    """Say whether work waits before a stage: the queue is full, grows, or is long, or spills."""
    if stage.dropped > 0:
        return True
    if stage.capacity is not None and stage.queue >= FULL * ease * stage.capacity:
        return True
    if stage.queue >= _BACKLOG_S * ease * max(stage.served, 1.0):
        return True
    return stage.growth >= _GROWS * ease * max(stage.arrived, stage.served) > 0


def _frames(stage: Stage, _: _Mean, ease: float) -> bool:
    late = stage.busy >= BUSY * ease and _is_short(stage.served, stage.arrived, ease)
    return late or _gave_way(stage, stage, ease)


def _link(stage: Stage, means: _Mean, ease: float) -> bool:
    if stage.state:  # nobody is heard
        return True
    frames, browser = _one(means, FRAMES), _one(means, BROWSER)
    if frames is not None and stage.busy >= BUSY * ease:
        return _is_short(frames.served, frames.arrived, ease)
    drawing = browser is not None and browser.busy >= _DRAWS * _EASE
    return frames is not None and frames.held >= _HELD * ease and not drawing


def _browser(stage: Stage, means: _Mean, ease: float) -> bool:
    frames = _one(means, FRAMES)
    waits = frames is not None and frames.held >= _HELD * ease
    late = waits or _is_short(stage.served, stage.arrived, ease)
    return (stage.busy >= _DRAWS * ease and late) or _gave_way(stage, frames, ease)


def _gave_way(stage: Stage, frames: Stage | None, ease: float) -> bool:
    """Say whether frames were given up for a stage, which has time for those that are left.

    By the law of utilization: at the rate that was wanted it would work so much more.
    """
    if frames is None or not stage.served or not _is_short(frames.arrived, frames.wanted, 1.0):
        return False
    keeps = not _is_short(frames.served, frames.arrived, 1.0)
    return keeps and stage.busy * frames.wanted / stage.served >= _ALWAYS * ease


def _is_short(served: float, asked: float, ease: float) -> bool:
    return served < asked * (_SHORT + (1 - _SHORT) * (1 - ease))


_JUDGES: Mapping[str, Callable[[Stage, _Mean, float], bool]] = {
    SOURCE: _source,
    **dict.fromkeys(DATA, _data),
    FRAMES: _frames,
    LINK: _link,
    BROWSER: _browser,
}


def _is_slow(stage: Stage, means: _Mean, *, eased: bool) -> bool:
    """Say whether the source bounds the rate, where nothing behind it does."""
    ease = _EASE if eased else 1.0
    if stage.state == "rate limit" or _is_short(stage.served, stage.arrived, ease):
        return True
    if stage.state == "ended" or stage.held >= _HELD / ease:
        return False
    if any(each.busy >= _IDLE / ease for _, each in _behind(means)):
        return False
    if any(each.name in _QUEUED and _is_starved(each) for _, each in _behind(means)):
        return False  # more comes than is taken, though nobody is busy: a thread has no turn
    frames = _one(means, FRAMES)
    # Where there is a picture, it is the picture that is to be at its rate.
    return frames is None or not frames.arrived or _is_short(frames.served, frames.arrived, ease)


def _is_starved(stage: Stage) -> bool:
    """Say whether far more comes to a stage than it takes, however little it works."""
    backlog = stage.queue >= _BACKLOG_S * max(stage.served, 1.0)
    return backlog or stage.growth >= _STARVES * stage.arrived > 0


def _behind(means: _Mean) -> Iterator[tuple[_Key, Stage]]:
    return ((key, stage) for key, stage in means.items() if stage.name != SOURCE)


def _limit(stage: Stage, means: _Mean) -> Limit:
    numbers = {
        "arrived": round(stage.arrived, 1),
        "served": round(stage.served, 1),
        "busy": round(stage.busy, 3),
        "queue": round(stage.queue),
        "growth": round(stage.growth, 1),
    }
    return Limit(stage.name, stage.label, _TEXTS[stage.name](stage, means), numbers)


def _source_text(stage: Stage, means: _Mean) -> str:
    if stage.state in _GIVES_NOTHING:
        return f"The source: it is {stage.state}."
    if stage.state == "rate limit":
        return f"The source: it is held to its rate limit, at {_rate(stage.served)}."
    if _is_short(stage.served, stage.arrived, 1.0):
        said = _rate(stage.arrived)
        return f"The source: it gives {_rate(stage.served)}, and should give {said}."
    key, busiest = max(_behind(means), key=lambda each: each[1].busy, default=(None, stage))
    spare = "" if key is None else f"; the busiest behind it, the {key[0]}, works {_part(busiest)}"
    return f"The source: it gives {_rate(stage.served)}, and all behind it has room{spare}."


def _data_text(stage: Stage, _: _Mean) -> str:
    called = f"The {stage.name}" + (f" ({stage.label})" if stage.label != stage.name else "")
    if stage.state == "failing":
        return f"{called}: it fails, and {stage.queue:,.0f} rows wait for it."
    if stage.state == "full":
        return f"{called}: it is full, and its slowest reader holds the source."
    waiting = f"{stage.queue:,.0f} rows wait" + (
        f", {stage.growth:,.0f} more each second" if stage.growth > 1 else ""
    )
    lost = f", {stage.dropped:,.0f} a second are dropped" if stage.dropped else ""
    return f"{called}: it works {_part(stage)} at {_rate(stage.served)}; {waiting}{lost}."


def _frames_text(stage: Stage, _: _Mean) -> str:
    asked = max(stage.arrived, stage.wanted)
    return (
        f"The kernel's drawing: it works {_part(stage)} and makes "
        f"{stage.served:.0f} of {asked:.0f} frames a second."
    )


def _link_text(stage: Stage, means: _Mean) -> str:
    if stage.state:
        return "The link: a running cell keeps the kernel from hearing the browser."
    frames = _one(means, FRAMES)
    held = 0.0 if frames is None else frames.held
    how = (
        f"sending takes {_part(stage)}"
        if stage.busy >= BUSY * _EASE
        else f"frames are held for {held:.0%} of the time, {stage.queue:.0f} are under way"
    )
    return f"The link: {how}."


def _browser_text(stage: Stage, means: _Mean) -> str:
    each = 1000 * stage.busy / stage.served if stage.served else 1000.0
    frames = _one(means, FRAMES)
    asked = max(stage.arrived, 0.0 if frames is None else frames.wanted)
    return (
        f"The browser: a frame takes {each:.0f} ms to draw, so that it draws "
        f"{stage.served:.0f} of {asked:.0f} frames a second."
    )


_TEXTS: Mapping[str, Callable[[Stage, _Mean], str]] = {
    SOURCE: _source_text,
    **dict.fromkeys(DATA, _data_text),
    FRAMES: _frames_text,
    LINK: _link_text,
    BROWSER: _browser_text,
}


def _rate(rows: float) -> str:
    return f"{rows:,.0f} rows a second" if rows >= 10 else f"{rows:.2g} rows a second"  # noqa: PLR2004 (digits)


def _part(stage: Stage) -> str:
    return f"{stage.busy:.0%} of the time"
