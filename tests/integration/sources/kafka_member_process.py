"""A member of a group in a process of its own, to be killed: prints each number it has read."""

import asyncio
import sys

from livewidget.sources import KafkaSource
from livewidget.testing import RecordingOutlet


class Printing(RecordingOutlet):
    def emit(self, data):
        sys.stdout.write("".join(f"{int(n)}\n" for n in data["n"]))
        sys.stdout.flush()
        return len(data["n"])


servers, topic, group = sys.argv[1:]
source = KafkaSource(
    servers,
    topic,
    group=group,
    start="earliest",
    batch=20,
    commit_s=0.2,
    config={"session.timeout.ms": 6000, "heartbeat.interval.ms": 300},
)
asyncio.run(source.run(Printing()))
