"""What limits a chart now, in plain words: one sentence, unless two stages do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from livewidget.monitor.findings import BOTTLENECK, INFO

Figures = Mapping[str, Any]
HALF_FULL = 0.5  # a queue that blocks goes to and fro between this and full
FULL_MS = 700  # of each second: so much drawing fills a browser's main thread


def _picture(figures: Figures) -> str | None:
    why = figures.get("undrawn")
    return f"The picture cannot be drawn: {why}." if why else None


def _source(figures: Figures) -> str | None:
    state = figures["state"]
    if state in ("live", "paused"):
        return None
    detail = f": {figures['detail']}" if figures["detail"] else ""
    if state == "waiting" and figures["rejected"]:
        return f"No event fits yet; {figures['rejected']:,} were rejected{detail}."
    return {
        "waiting": "The source: nothing has arrived yet.",
        "suspended": "The source: it is suspended, nothing is taken in until it is resumed.",
        "reconnecting": f"The source: it is being reached again, attempt {figures['attempt']}.",
        "stale": f"The source: it is silent{detail}.",
        "ended": "Nothing: the stream has ended.",
        "failed": f"The source failed{detail}.",
    }.get(state)


def _paused(figures: Figures) -> str | None:
    return "Nothing: the picture is paused, the data is kept." if figures["paused"] else None


def _open_loop(figures: Figures) -> str | None:
    if figures["loop"] != "open":
        return None
    return "A running cell: the kernel cannot hear the browser and draws at a slow, safe rate."


def _store(figures: Figures) -> str | None:
    buffer = figures.get("buffer", {})
    if buffer.get("store") != "failing":
        return None
    return (
        f"The store: {buffer['store_detail']}; {buffer['store_waiting']:,} rows wait for it, "
        "and the picture goes on from memory."
    )


def _found(figures: Figures) -> str | None:
    """Return what the findings name, by queueing evidence; that the source is slow comes last."""
    named = [
        each["text"]
        for each in figures.get("findings", ())
        if each["kind"] == BOTTLENECK and each["level"] != INFO
    ]
    return " ".join(named) or None


def _dropped(figures: Figures) -> str | None:
    if not figures["dropped"]:
        return None
    where = "queue" if figures.get("queue_capacity") else "buffer"
    return f"The {where}: {figures['dropped']:,} events were dropped."


def _pipeline(figures: Figures) -> str | None:
    queued, capacity = figures.get("queued", 0), figures.get("queue_capacity", 0)
    if not capacity or queued < capacity * HALF_FULL:
        return None
    return f"The pipeline: {queued:,} events wait for it, and the source with them."


def _browser(figures: Figures) -> str | None:
    fps, cap, draw = figures["fps"], figures["cap"], figures["draw_ms"]
    if fps is None or draw is None or fps > 0.8 * cap or figures["frame_rate"] <= 0.8 * cap:
        return None
    if draw * cap > FULL_MS:
        return f"The browser: a frame takes {draw:.0f} ms to draw, too long for {cap:.3g} a second."
    return f"The link: {fps:.0f} of {cap:.3g} frames a second arrive in time."


def _undrawn(figures: Figures) -> str | None:
    if figures["frame_rate"] or figures["fps"]:
        return None
    return "Nothing: what comes changes no picture here." if figures["rate"] else None


def _slow_data(figures: Figures) -> str | None:
    if figures["frame_rate"] >= 0.8 * figures["cap"]:
        return None
    return f"The data: it changes {figures['frame_rate']:.3g} times a second."


_CHECKS: tuple[Callable[[Figures], str | None], ...] = (
    _picture,
    _source,
    _paused,
    _open_loop,
    _store,
    _found,
    _pipeline,
    _browser,
    _dropped,
    _undrawn,
    _slow_data,
)


def limit(figures: Figures) -> str:
    """Return what limits the chart now; the first finding in the order of the stages wins."""
    for check in _CHECKS:
        found = check(figures)
        if found is not None:
            return found
    return f"Nothing: drawing at the cap of {figures['cap']:.3g}."
