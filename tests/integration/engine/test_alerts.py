"""From rows to who is told: rules, the manager, a handler, all at work together."""

import numpy as np

from livewidget import DataStreamer
from livewidget.engine.alerts.manager import AlertManager
from livewidget.pipeline.alerts import Alert
from livewidget.testing import wait_until

S = 10**9
NOON = 1_700_000_000 * S


def test_a_rule_that_holds_is_told_and_so_is_its_end():
    told, states = [], []
    streamer = DataStreamer(
        pipeline=[Alert("hot: value > 100 for 5s", by="sensor")], max_ahead=None
    )
    with streamer, AlertManager(streamer, handlers=[told.append], group_interval="0s") as manager:
        manager.bus.subscribe("alert", lambda event: states.append(event.values["state"]))
        values = np.r_[np.zeros(10), np.full(20, 120.0), np.zeros(10)]
        for second, value in enumerate(values.tolist()):
            time = NOON + second * S
            streamer.push({"time": [time, time], "sensor": ["a", "b"], "value": [value, 0.0]})
        wait_until(lambda: len(states) == 3)
        assert states == ["pending", "firing", "resolved"]
        wait_until(lambda: told and told[-1].status == "resolved")
        over = manager.history[0]
    assert (over.rule, over.key, over.state) == ("hot", "a", "resolved")
    assert (over.time - NOON) // S == 30
    assert [each.status for each in told] == ["firing", "resolved"]
