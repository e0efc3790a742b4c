"""The metrics of windows; `livewidget.pipeline.windows.resolve` finds them by their names."""
