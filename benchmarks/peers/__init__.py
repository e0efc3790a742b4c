"""livewidget beside its peers: the same data and window, one harness, one real browser."""
