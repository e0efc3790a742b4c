"""Numeric compression: columns of numbers to bytes and back."""
