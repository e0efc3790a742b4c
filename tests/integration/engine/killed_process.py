"""Recorders in processes of their own, which kill themselves at a moment that they are told.

Reads lines of JSON, each a list of a kind of source, a URL, a folder, a moment, a count and rows,
and runs a recorder for each, of which the exit status is written. At the countth such moment there
is no process any more; without one ("never") it ends once so many rows are in the folder. They are
forked: what takes a second to import is there already."""

import json
import os
import signal
import sys

from livewidget.engine import bookmark
from livewidget.engine.archive import Archive
from livewidget.engine.buffer import BufferManager
from livewidget.engine.outlet import StreamOutlet
from livewidget.engine.streamer import DataStreamer
from livewidget.resilience import Backoff
from livewidget.sources.kafka_member import Member
from livewidget.sources.sse import SseSource
from livewidget.storage.embedded import EmbeddedStore
from livewidget.storage.embedded.parquet import parquet
from livewidget.testing import wait_until

NEVER_S = 120.0
# A member by that name takes the dead one's place: this server never forgets one by itself.
MEMBER = {"group.instance.id": "recorder"}


def source_of(kind, url):
    care = {"backoff": Backoff(0.01, 0.1)}
    if kind == "sse":
        return SseSource(url, last_event_id="-1", proxy=False, **care)
    from livewidget.sources import KafkaSource

    group = {"group": "recorders", "config": MEMBER} if kind == "kafka group" else {}
    return KafkaSource(url, start="earliest", batch=100, commit_s=0.02, **group, **care)


class Killer:
    """Ends the process at the `count`th time that a method is called, or has returned."""

    def __init__(self, count):
        self.left = count

    def now(self):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, owner, name):
        method = getattr(owner, name)

        def call(*args, **options):
            self.now()
            return method(*args, **options)

        setattr(owner, name, call)

    def after(self, owner, name):
        method = getattr(owner, name)

        def call(*args, **options):
            result = method(*args, **options)
            self.now()
            return result

        setattr(owner, name, call)

    def after_waiting(self, owner, name):
        method = getattr(owner, name)

        async def call(*args, **options):
            result = await method(*args, **options)
            self.now()
            return result

        setattr(owner, name, call)


MOMENTS = {
    "before the write": lambda killer: killer.before(EmbeddedStore, "append"),
    "after the write": lambda killer: killer.after(EmbeddedStore, "append"),
    "before the acknowledgement": lambda killer: killer.after_waiting(StreamOutlet, "stored"),
    "within the acknowledgement": lambda killer: killer.before(os, "replace"),
    "after the acknowledgement": lambda killer: (
        killer.after(Archive, "keep"),
        killer.after(Member, "commit"),
    ),
    "never": lambda killer: None,
}


def record(kind, url, folder, moment, count, rows):
    MOMENTS[moment](Killer(count))
    with BufferManager(store=folder, store_options={"sync": "strict"}) as buffer:
        buffer.recover()
        source = source_of(kind, url)
        with DataStreamer(source, time="time", unique="id", buffer=buffer) as streamer:
            if moment == "never":
                wait_until(lambda: buffer.archive.store.rows >= rows, NEVER_S)
            else:
                streamer.wait(NEVER_S)


def main():
    parquet()
    bookmark.EVERY_S = 0.02
    for line in sys.stdin:
        child = os.fork()
        if not child:
            record(*json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
