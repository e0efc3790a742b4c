"""The composer: one thread, the parts that users hold, and the way to the browsers."""
