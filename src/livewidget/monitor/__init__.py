"""Figures of what runs, and what they say."""
