"""The alert rules that a monitor begins with, over its figures by name."""

from __future__ import annotations

from collections.abc import Container

RULES: tuple[dict[str, str], ...] = (
    {
        "name": "lag",
        "when": "latency_p99_ms > 250 for 10s clear below 200",
        "message": "one event in a hundred is drawn {value:.0f} ms after it came, or later",
    },
    {
        "name": "drops",
        "when": "dropped_rate > 0",
        "message": "{value:,.0f} events a second are dropped",
    },
    {
        "name": "memory",
        "when": "memory_share > 0.9 for 10s clear below 0.8",
        "message": "the buffers want {value:.0%} of the memory that they may have",
    },
    {
        "name": "cache",
        "when": "cache_hits < 0.8 for 10s clear above 0.85",
        "message": "{value:.0%} of what charts look back at is in the cache",
    },
    {
        "name": "queries",
        "when": "query_max_ms > 500",
        "message": "a query of the history took {value:,.0f} ms",
    },
)
FIGURES = {  # that each rule looks at: one that is not measured has no rule
    "lag": "latency_p99_ms",
    "drops": "dropped_rate",
    "memory": "memory_share",
    "cache": "cache_hits",
    "queries": "query_max_ms",
}


def rules_for(figures: Container[str]) -> list[dict[str, str]]:
    """Return the rules whose figures are among these, as tables for `pipeline.alerts.Alert`."""
    return [dict(rule) for rule in RULES if FIGURES[rule["name"]] in figures]
