"""One plain sentence on what limits the chart; the earliest stage that does so speaks."""

import pytest

from livewidget.monitor.advice import limit

WELL = {
    "state": "live",
    "detail": "",
    "attempt": 0,
    "rejected": 0,
    "paused": False,
    "loop": "credit",
    "dropped": 0,
    "fps": 29.8,
    "cap": 30.0,
    "draw_ms": 5.0,
    "frame_rate": 29.9,
}
CASES = [
    ({}, "Nothing: drawing at the cap of 30."),
    ({"state": "waiting"}, "nothing has arrived yet"),
    ({"state": "waiting", "rejected": 1200, "detail": "no time"}, "1,200 were rejected: no time"),
    ({"state": "reconnecting", "attempt": 3}, "attempt 3"),
    ({"state": "stale"}, "it is silent"),
    ({"state": "ended"}, "the stream has ended"),
    ({"state": "failed", "detail": "refused"}, "The source failed: refused."),
    ({"state": "suspended"}, "it is suspended"),
    ({"dropped": 7, "queue_capacity": 100}, "The queue: 7 events were dropped."),
    ({"queued": 60_000, "queue_capacity": 100_000}, "The pipeline: 60,000 events wait"),
    ({"queued": 10, "queue_capacity": 100_000}, "Nothing: drawing at the cap of 30."),
    ({"paused": True, "state": "paused"}, "paused, the data is kept"),
    ({"loop": "open"}, "A running cell"),
    ({"dropped": 5000}, "5,000 events were dropped"),
    ({"fps": 10.0, "draw_ms": 60.0}, "a frame takes 60 ms to draw"),
    ({"fps": 10.0, "draw_ms": 5.0}, "The link: 10 of 30"),
    ({"frame_rate": 2.0, "fps": 2.0}, "The data: it changes 2 times a second."),
    ({"fps": None, "draw_ms": None}, "Nothing: drawing at the cap"),
    ({"state": "failed", "loop": "open", "dropped": 5}, "The source failed."),
    ({"loop": "open", "dropped": 5}, "A running cell"),
    (
        {"buffer": {"store": "failing", "store_detail": "no room", "store_waiting": 1200}},
        "The store: no room; 1,200 rows wait for it",
    ),
    ({"buffer": {"store": "open"}}, "Nothing: drawing at the cap of 30."),
]


@pytest.mark.parametrize(("change", "said"), CASES, ids=[said for _, said in CASES])
def test_the_limit(change, said):
    sentence = limit(WELL | change)
    assert said in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
