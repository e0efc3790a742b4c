"""Recent data in memory: rings, retention, leases and kept snapshots."""
