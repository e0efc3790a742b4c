"""Mergeable summaries: extremes, the rows that stand for a bucket, pyramids of them, sketches."""
