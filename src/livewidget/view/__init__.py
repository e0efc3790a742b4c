"""What one chart sees: the window, the buckets in it, and how they changed."""
