"""Frames to bytes: `layout.md` beside this file is the specification."""
