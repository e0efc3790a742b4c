"""The browsers that look at a kernel's charts: which are there, what each sees. I/O-free."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from livewidget.monitor.figures import ClockOffset

MOST_CLIENTS = 64
MOST_VIEWS = 1024  # of one client; a page has some tens
STUCK_S = 3.0  # an acknowledgement that stands still this long: what is under way was lost
SILENT_S = 10.0  # a visible page speaks each two seconds: one that does not is gone


@dataclass(slots=True)
class Sight:
    """One view of one chart: its plot's width in CSS pixels and whether it can be seen.

    A width of 0 is a view that shows figures only, such as a PerformanceWidget by itself.
    """

    width: int
    visible: bool


@dataclass(slots=True)
class Client:
    """One page. `tick` is the newest it acknowledged, first at `tick_at` (s)."""

    heard_at: float
    tick: int = 0
    tick_at: float = 0.0
    clock: ClockOffset = field(default_factory=ClockOffset)
    views: dict[tuple[int, int], Sight] = field(default_factory=dict)


class Clients:
    """All pages, bounded: past `MOST_CLIENTS` the one heard longest ago is forgotten.

    A page that was not heard for `SILENT_S` counts as hidden until it speaks again. `now` is in
    s, by a steady clock.
    """

    def __init__(self) -> None:
        self._clients: OrderedDict[str, Client] = OrderedDict()
        self._deaf_until = float("-inf")

    def excuse(self, now: float) -> None:
        """Note that nobody can be heard now: silence up to here says nothing."""
        self._deaf_until = now

    def heard(self, name: str, now: float) -> Client:
        """Return the client of this name, new or known, and note that it spoke."""
        client = self._clients.setdefault(name, Client(now))
        client.heard_at = now
        self._clients.move_to_end(name)
        while len(self._clients) > MOST_CLIENTS:
            self._clients.popitem(last=False)
        return client

    def was_silent(self, name: str, now: float) -> bool:
        """Say whether a known page counts as gone; ask before it is `heard` again."""
        client = self._clients.get(name)
        return client is not None and self._is_silent(client, now)

    def look(self, name: str, chart: int, view: int, sight: Sight | None, now: float) -> bool:
        """Take up what a view sees (None: it closed); True where a page comes to see the chart."""
        silent = self.was_silent(name, now)
        client = self.heard(name, now)
        saw = client_sees(client, chart) and not silent
        if sight is None:
            client.views.pop((chart, view), None)
        elif len(client.views) < MOST_VIEWS or (chart, view) in client.views:
            client.views[chart, view] = sight
        return client_sees(client, chart) and not saw

    def forget_chart(self, chart: int) -> None:
        """Drop all views of a chart."""
        for client in self._clients.values():
            for key in [key for key in client.views if key[0] == chart]:
                del client.views[key]

    def width(self, chart: int, now: float) -> int | None:
        """Return the width of the widest visible view of a chart, None where none is visible."""
        return self.widths(now).get(chart)

    def widths(self, now: float) -> dict[int, int]:
        """Return the width of the widest visible view of each chart that has one."""
        found: dict[int, int] = {}
        for chart, sight in self._visible(now):
            found[chart] = max(sight.width, found.get(chart, 0))
        return found

    def examined(self, chart: int, now: float) -> bool:
        """Say whether anybody sees the chart's figures by themselves: a view of width 0."""
        return any(of == chart and sight.width == 0 for of, sight in self._visible(now))

    def acked(self, name: str, tick: int, now: float) -> bool:
        """Note an acknowledgement; False where it has stood still for `STUCK_S`."""
        client = self.heard(name, now)
        if tick != client.tick:
            client.tick, client.tick_at = tick, now
        return now - client.tick_at < STUCK_S

    def _visible(self, now: float) -> Iterator[tuple[int, Sight]]:
        """Yield what can be seen: the chart and the view."""
        for client in self._clients.values():
            if not self._is_silent(client, now):
                for (chart, _), sight in client.views.items():
                    if sight.visible:
                        yield chart, sight

    def _is_silent(self, client: Client, now: float) -> bool:
        return now - max(client.heard_at, self._deaf_until) > SILENT_S

    def __len__(self) -> int:
        return len(self._clients)


def client_sees(client: Client, chart: int) -> bool:
    """Say whether any view of the chart is visible on this page."""
    return any(of == chart and sight.visible for (of, _), sight in client.views.items())
