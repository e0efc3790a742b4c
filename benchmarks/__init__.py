"""The promised speeds, measured: one file for each claim, side by side with its reference."""
