"""Places on Earth or in a plane, over a window: how they cluster, and what they enclose."""
