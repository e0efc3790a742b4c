"""Events at a rate, to any of the protocols: what a demonstration or a test needs to be fed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from livewidget.app.faults import Faults, Malforming, check_probability
from livewidget.app.feeds import SYNTHETIC, Feed, TableFeed, synthetic
from livewidget.app.producer import Producer, Summary, check_rate
from livewidget.app.tables import SUFFIXES, read_table
from livewidget.data.errors import SettingError, quote
from livewidget.sinks.base import MessageSink, Sink
from livewidget.sinks.resolve import sink_for
from livewidget.sources.base import LoopClock


def producer_for(
    what: Any,
    to: str | Path | Sink,
    *,
    rate: float = 100.0,
    duration: float | None = None,
    count: int | None = None,
    seed: int = 0,
    format: object = None,  # noqa: A002  (the word that users look for)
    names: Sequence[str] | None = None,
    time: str | None = None,
    rebase: bool = False,
    late: float = 0.0,
    duplicate: float = 0.0,
    malformed: float = 0.0,
    clock: LoopClock | None = None,
    **options: Any,
) -> Producer:
    """Return the producer that `produce` runs; see there. Opens nothing but a file to replay."""
    check_rate(rate)
    sink = sink_for(to, format=format, **options)
    if check_probability("malformed", malformed):
        if not isinstance(sink, MessageSink):
            raise SettingError(
                "malformed is for sinks that send messages: one bad event in a document that is "
                "polled would make all of it unreadable"
            )
        sink.encoder = Malforming(sink.encoder, malformed, seed)
    faults = Faults(late=late, duplicate=duplicate, seed=seed)
    feed = _feed(what, rate, seed, names, time=time, rebase=rebase)
    return Producer(
        feed, sink, rate=rate, duration=duration, count=count, faults=faults, clock=clock
    )


async def produce_async(what: Any, to: str | Path | Sink, **options: Any) -> Summary:
    """Do what `produce` does, on the running loop; cancel it to end it."""
    return await producer_for(what, to, **options).run()


def produce(
    what: Any,
    to: str | Path | Sink,
    *,
    rate: float = 100.0,
    duration: float | None = None,
    count: int | None = None,
    seed: int = 0,
    format: object = None,  # noqa: A002  (the word that users look for)
    **options: Any,
) -> Summary:
    """Write events to `to` at a given rate, until the end or an interrupt; return what was written.

    `what` is "prices", "sensors", "orders" or "walk" (synthetic: the same `seed` gives the same
    values; `names` are the symbols or the sensors), the path of a CSV, Parquet or NDJSON file, or
    a DataFrame or anything tabular: its rows in order, with their own times (column `time`) or with
    those of now (`rebase=True`).

    `to` is where to: `ws://host:port`, `sse://host:port/path` and `http://host:port/path` are
    served here; `kafka://host:port/topic` and `mqtt://host:port/topic` are sent to; or it is the
    path of a file, "-" for the standard output, or a `Sink`. `format` is "json", "ndjson" (a
    message a batch), "csv" or "msgpack"; None is JSON, or what a file's suffix says. Further
    `options` go to the sink: `times`, `qos`, `key`, `newest`, `buffer_bytes` and so on.

    `rate` is in events a second (100), `duration` in seconds, `count` in events of the feed. The
    probabilities `late`, `duplicate` and `malformed` make faults, from the seed too.

    Blocks, in a notebook as well; `produce_async` does not. Raises SettingError, SchemaError,
    SourceError, SinkError and MissingExtraError.
    """
    options |= {"rate": rate, "duration": duration, "count": count, "seed": seed, "format": format}
    return _complete(producer_for(what, to, **options).run())


def _feed(
    what: Any,
    rate: float,
    seed: int,
    names: Sequence[str] | None,
    *,
    time: str | None,
    rebase: bool,
) -> Feed:
    if isinstance(what, str) and what in SYNTHETIC:
        return synthetic(what, rate, seed, names)
    if names is not None:
        raise SettingError(f"names are for {', '.join(SYNTHETIC)}, not for a table")
    if isinstance(what, (str, Path)):
        if Path(what).suffix.lower() not in SUFFIXES:
            raise SettingError(
                f"expected {', '.join(SYNTHETIC)}, a file ({', '.join(SUFFIXES)}) or a table, "
                f"got {quote(str(what))}"
            )
        what = read_table(Path(what))
    return TableFeed(what, rate, time=time, rebase=rebase)


def _complete(work: Coroutine[Any, Any, Summary]) -> Summary:
    """Run to the end; on a thread where this one has a loop already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    thread = threading.Thread(target=_drive, args=(loop, task), name="livewidget-produce")
    thread.start()
    try:
        thread.join()
    except BaseException:  # an interrupt of the cell
        with contextlib.suppress(RuntimeError):  # it ended, and its loop, in the same moment
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    return task.result()


def _drive(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Summary]) -> None:
    try:
        loop.run_until_complete(asyncio.wait([task]))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
