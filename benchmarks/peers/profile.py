"""Where a page's main thread spends its time, from a trace of the devtools' time line."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel"]
SHOWN = 8  # names, the greatest first
MAIN = "CrRendererMain"


def profile(browser: Browser, page: Page, seconds: float) -> dict[str, float]:
    """Trace a page for so many seconds; main-thread seconds a second by what took them."""
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.wait_for_timeout(1000 * seconds)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    return {name: took / seconds for name, took in self_times(events).most_common(SHOWN)}


def self_times(events: list[dict[str, Any]]) -> Counter[str]:
    """Return the seconds of each kind of event, without those of the events within it.

    Of the busiest main thread in the trace; durations and times in microseconds, as traced.
    """
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each.get("name") == "thread_name" and each["args"]["name"] == MAIN
    }
    threads: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for each in events:
        place = (each.get("pid", 0), each.get("tid", 0))
        if each.get("ph") == "X" and each.get("dur") and place in mains:
            threads.setdefault(place, []).append(each)
    return max(map(_of_thread, threads.values()), key=Counter.total, default=Counter())


def _of_thread(events: list[dict[str, Any]]) -> Counter[str]:
    spent: Counter[str] = Counter()
    open_events: list[tuple[float, str]] = []  # where each ends, and its name
    for each in sorted(events, key=lambda it: (it["ts"], -it["dur"])):
        while open_events and open_events[-1][0] <= each["ts"]:
            open_events.pop()
        took = each["dur"] / 1e6
        spent[each["name"]] += took
        if open_events:
            spent[open_events[-1][1]] -= took
        open_events.append((each["ts"] + each["dur"], each["name"]))
    return spent
