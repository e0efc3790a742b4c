"""Operators on batches, between a source and its buffer."""
