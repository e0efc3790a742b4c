"""What a chart and a PerformanceWidget share: the bundle, the link, and how they end."""

from __future__ import annotations

import traitlets as t
from anywidget import AnyWidget
from ipywidgets import Widget, widget_serialization

from livewidget.widgets.bundle import bundle


class LinkedWidget(AnyWidget):
    """A widget of our bundle that lives on the kernel's link.

    `kind` tells the bundle what it is, `chart` is the number of what it shows.
    """

    _esm = t.Unicode().tag(sync=True)
    _css = t.Unicode().tag(sync=True)
    kind = t.Unicode(read_only=True).tag(sync=True)
    chart = t.Int(read_only=True).tag(sync=True)
    link = t.Instance(Widget, read_only=True).tag(sync=True, **widget_serialization)
    title = t.Unicode("").tag(sync=True)

    @property
    def model_id(self) -> str | None:
        """The id of the widget's comm, also of one that is closed.

        A box that holds a closed chart must still be able to tell its state: ipywidgets sends the
        state of all widgets at once, and one that raised would leave a refreshed page empty.
        """
        known: str | None = self._model_id if self.comm is None else self.comm.comm_id
        return known

    def close_comms(self) -> None:
        """Close the widget's comm and its layout's."""
        layout = self.layout
        super().close()
        if layout is not None and layout.comm is not None:
            layout.close()

    @t.default("_esm")
    def _default_esm(self) -> str:
        return bundle("index.js")

    @t.default("_css")
    def _default_css(self) -> str:
        return bundle("index.css")
