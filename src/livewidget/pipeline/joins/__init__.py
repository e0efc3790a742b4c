"""Several streams as one, by event time: as-of, on a grid, within a duration, one after another."""
