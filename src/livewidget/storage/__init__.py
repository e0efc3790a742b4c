"""Older data: the embedded store, servers, and the tiers that answer as one."""
