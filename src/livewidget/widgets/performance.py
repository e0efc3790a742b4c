"""PerformanceWidget: the figures of a chart or of a streamer, by themselves."""

from __future__ import annotations

import traitlets as t

from livewidget.data.errors import SettingError, quote
from livewidget.engine.monitor import PerformanceMonitor
from livewidget.engine.session import WatchSession
from livewidget.engine.streamer import DataStreamer
from livewidget.widgets import kernel
from livewidget.widgets.base import LinkedWidget
from livewidget.widgets.chart import LiveChart


class PerformanceWidget(LinkedWidget):
    """The dashboard of a `LiveChart`, a `DataStreamer`, or of what a `PerformanceMonitor` watches.

    Stage by stage what passes and what waits, and which stage limits the rate; what there is to
    know and a button that does something about it; latency, quality and the figures of the last two
    minutes. Every chart has the figures below it. Closing it does not close what it shows.
    """

    kind = t.Unicode("performance", read_only=True).tag(sync=True)

    def __init__(
        self, subject: LiveChart | DataStreamer | PerformanceMonitor, *, title: str = ""
    ) -> None:
        if isinstance(subject, PerformanceMonitor) and subject.streamer is not None:
            subject = subject.streamer
        if not isinstance(subject, (LiveChart, DataStreamer)):
            raise SettingError(
                "expected a LiveChart, a DataStreamer or the PerformanceMonitor of one, "
                f"got {quote(subject)}"
            )
        link, self._hub = kernel.shared()
        self._own: int | None = None
        if isinstance(subject, LiveChart):
            number, name = subject.chart, subject.title
        else:
            number, name = kernel.next_number(), subject.name
            self._own = number
            session = WatchSession(number, subject)
            monitor = PerformanceMonitor(subject)
            self._hub.engine.post(lambda: self._hub.add(session, monitor))
        self.set_trait("chart", number)
        self.set_trait("link", link)
        super().__init__(title=title or name or "Performance")
        self._forget = kernel.free_on_rerun(self, lambda _: self.close())

    def close(self) -> None:
        """Free the widget and leave what it shows alone. Again is no error."""
        if self.comm is None:
            return
        self._forget()
        hub, own = self._hub, self._own
        if own is not None:
            hub.engine.call(lambda: hub.remove(own, "it was closed"))
        self.close_comms()
