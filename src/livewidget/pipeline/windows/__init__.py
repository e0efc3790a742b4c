"""Windows: rows of a stretch of time, or so many of them, summed up as metrics."""
