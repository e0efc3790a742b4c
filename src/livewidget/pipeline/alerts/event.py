"""What an alert says when its state changes: one row a transition, under one schema.

States are those of Prometheus. `pending`: the condition holds, but not yet for as long as it has
to. `firing`: it has. `resolved`: it holds no longer; also where it was only pending, so that who
follows the states of a rule and a key never keeps one that is past. A rule without a duration
fires at once.
"""

from __future__ import annotations

from livewidget.data.schema import Schema

PENDING, FIRING, RESOLVED = "pending", "firing", "resolved"
STATES = (PENDING, FIRING, RESOLVED)
PRIORITIES = ("info", "warning", "critical")  # by rising weight

ALERTS = Schema.of(
    {
        "time": "time",  # event time of the transition
        "rule": "text",
        "key": "text",  # of the rows that it is about; "" where the rules know no key
        "state": "text",  # one of STATES
        "priority": "text",  # one of PRIORITIES
        "value": "float",  # that made the transition; NaN where there is none
        "since": "time",  # when the condition began to hold
        "message": "text",
    },
    "time",
)
