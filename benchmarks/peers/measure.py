"""Measures a page that draws: its frames, its work, its memory, and what reaches the screen."""

from __future__ import annotations

import base64
import io
import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from PIL import Image

from benchmarks.peers.dating import Picture, date

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

SLICE_S = 0.5  # of a measurement: what the spread is told from
MOVED_S = 0.004  # a picture is new where it is dated so much later than the last one
CAST = {"format": "jpeg", "quality": 85, "everyNthFrame": 1}


@dataclass
class Shot:
    """A picture as it went to the screen: seconds since the epoch, and JPEG."""

    at: float
    jpeg: bytes


@dataclass
class Screencast:
    """The page's frames as the devtools see them, collected between `start` and `stop`."""

    devtools: CDPSession
    shots: list[Shot] = field(default_factory=list)

    def start(self) -> None:
        """Begin to collect."""
        self.devtools.on("Page.screencastFrame", self._keep)
        self.devtools.send("Page.startScreencast", CAST)

    def stop(self) -> None:
        """End."""
        self.devtools.send("Page.stopScreencast")
        self.devtools.remove_listener("Page.screencastFrame", self._keep)

    def _keep(self, event: dict[str, Any]) -> None:
        self.shots.append(Shot(event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        self.devtools.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})


class Work:
    """Reads what a page and its kernel have used up so far."""

    def __init__(self, page: Page, kernel: int | None) -> None:
        self.page = page
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("Performance.enable")
        self._kernel = None if kernel is None else psutil.Process(kernel)
        assert page.context.browser is not None
        browser = page.context.browser.new_browser_cdp_session()
        told = browser.send("SystemInfo.getProcessInfo")["processInfo"]
        renderers = [each for each in told if each["type"] == "renderer"]
        newest = max(renderers, key=lambda each: each["cpuTime"])
        self._renderer = psutil.Process(newest["id"])
        browser.detach()

    def read(self) -> dict[str, float]:
        """Return counters that only grow: seconds and bytes, and frames by the hook."""
        metrics = {m["name"]: m["value"] for m in self._metrics()}
        hook, wire = self.page.evaluate("[window.__hook.at.length, window.__wire?.bytes ?? 0]")
        kernel = 0.0
        if self._kernel is not None:
            used = self._kernel.cpu_times()
            kernel = used.user + used.system
        return {
            "at": time.perf_counter(),
            "frames": hook,
            "bytes": wire,
            "main": metrics["TaskDuration"],
            "script": metrics["ScriptDuration"],
            "style": metrics["RecalcStyleDuration"],
            "layout": metrics["LayoutDuration"],
            "kernel": kernel,
        }

    def memory(self) -> dict[str, float]:
        """Return bytes held: kernel, renderer process, script heap."""
        metrics = {m["name"]: m["value"] for m in self._metrics()}
        kernel = 0 if self._kernel is None else self._kernel.memory_info().rss
        renderer = self._renderer.memory_info().rss
        heap = metrics["JSHeapUsedSize"]
        return {"kernel_bytes": kernel, "renderer_bytes": renderer, "heap_bytes": heap}

    def slices(self, seconds: float) -> list[dict[str, float]]:
        """Return what was used in each half second: rates a second."""
        readings = [self.read()]
        until = readings[0]["at"] + seconds
        while readings[-1]["at"] < until:
            self.page.wait_for_timeout(1000 * SLICE_S)
            readings.append(self.read())
        return [_rates(a, b) for a, b in itertools.pairwise(readings)]

    def _metrics(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.devtools.send("Performance.getMetrics")["metrics"]
        return found


def _rates(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    took = after["at"] - before["at"]
    names = before.keys() - {"at"}
    return {name: (after[name] - before[name]) / took for name in names} | {"took": took}


def painted(
    shots: list[Shot],
    box: dict[str, float],
    pushed: list[tuple[float, float]],
    ink: str = "red",
) -> tuple[list[tuple[float, float, float]], float]:
    """Date each picture of a chart; return those that show something new, and the share dated.

    As (when it went to the screen, the newest moment it shows, seconds since that was pushed).
    `box` is the chart's place in the page; `pushed` has the wall clock and the newest moment of
    each push, in order.
    """
    if not pushed or not shots:
        return [], 0.0
    clock, newest = (np.array(each) for each in zip(*pushed, strict=True))
    found: list[tuple[float, float, float]] = []
    last, near, dates = -np.inf, None, 0
    for shot in shots:
        sent = newest[np.searchsorted(clock, shot.at, "right") - 1]
        picture = _crop(shot.jpeg, box)
        dated = date(picture, max(0.0, float(sent) - 60), float(sent) + 0.05, ink, near)
        if dated is None:
            continue
        near, dates = dated.share, dates + 1
        if dated.newest <= last + MOVED_S:
            continue
        last = dated.newest
        push = min(int(np.searchsorted(newest, last - 0.006)), len(clock) - 1)
        found.append((shot.at, last, max(0.0, shot.at - float(clock[push]))))
    return found, dates / len(shots)


def _crop(jpeg: bytes, box: dict[str, float]) -> Picture:
    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    left, top = max(0, int(box["x"])), max(0, int(box["y"]))
    right = min(picture.width, int(box["x"] + box["width"]))
    bottom = min(picture.height, int(box["y"] + box["height"]))
    return np.asarray(picture.crop((left, top, max(right, left + 1), max(bottom, top + 1))))
