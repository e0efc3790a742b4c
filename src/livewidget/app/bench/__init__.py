"""Measuring speed: rounds in turn, standard loads, saved runs and whether two of them differ."""
