"""How much livewidget's own path carries: from a push to a frame at the transport, and a store."""
