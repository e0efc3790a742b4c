"""`livewidget produce`: `livewidget.produce` from a shell."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from livewidget.data.errors import SettingError, quote

if TYPE_CHECKING:
    from livewidget.app.producer import Producer

_EVERY_S = 1.0
_CLEAR = "\r\x1b[K"  # the beginning of the line, and nothing behind it

_EXAMPLES = """examples:
  livewidget produce prices ws://127.0.0.1:8765 --rate 1000
  livewidget produce sensors sse://127.0.0.1:8000/events --names temperature,pressure
  livewidget produce orders kafka://127.0.0.1:9092/orders --set key=symbol --duplicate 0.01
  livewidget produce ticks.csv mqtt://127.0.0.1/ticks --rebase --set qos=1
  livewidget produce walk - --count 10 --format csv
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to an argparse object of subparsers."""
    parser = commands.add_parser(
        "produce",
        help="write synthetic or replayed events to a protocol at a rate",
        description="Write synthetic or replayed events to a protocol at a rate, until the end or "
        "Ctrl-C. Served: ws://, sse:// and http://host:port. Sent to: kafka://host:port/topic, "
        "mqtt://host:port/topic, a file, - for the standard output.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("what", help="prices, sensors, orders, walk, or a .csv, .parquet or .ndjson file to replay")
    add("to", help="a URL, the path of a file, or - for the standard output")
    add("--rate", type=float, default=100.0, metavar="N", help="events a second (100)")
    add("--duration", type=float, metavar="S", help="end after so many seconds")
    add("--count", type=int, metavar="N", help="end after so many events")
    add("--seed", type=int, default=0, metavar="N", help="the same seed makes the same events")
    add(
        "--format", metavar="F", help="json (the default), ndjson (a message a batch), csv, msgpack"
    )
    add("--names", type=_names, metavar="A,B", help="the symbols, or the sensors")
    add("--time", metavar="COLUMN", help="the column with the times of a file")
    add("--rebase", action="store_true", help="give the rows of a file the time of now")
    for fault in ("late", "duplicate", "malformed"):
        add(f"--{fault}", type=float, default=0.0, metavar="P", help=f"how probably one is {fault}")
    add(
        "--set",
        dest="settings",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="a further option of the sink: times=ns, qos=1, key=symbol, newest=10, …",
    )
    parser.set_defaults(command=run)


def run(chosen: argparse.Namespace) -> int:
    """Produce, with progress on a terminal and a summary at the end, both on stderr."""
    from livewidget.app.produce import producer_for

    options, settings = dict(vars(chosen)), dict(chosen.settings)
    if clash := settings.keys() & {*options, "clock"}:
        raise SettingError(f"--set is for options of the sink, not for {', '.join(clash)}")
    del options["command"], options["settings"]
    producer = producer_for(**options, **settings)
    try:
        asyncio.run(_with_progress(producer))
    finally:
        if producer.events:
            sys.stderr.write(f"{producer.summary()}\n")
    return 0


async def _with_progress(producer: Producer) -> None:
    if not sys.stderr.isatty():
        await producer.run()
        return
    showing = asyncio.create_task(_progress(producer))
    try:
        await producer.run()
    finally:
        showing.cancel()
        sys.stderr.write(_CLEAR)


async def _progress(producer: Producer) -> None:
    before = 0
    while True:
        await asyncio.sleep(_EVERY_S)
        sys.stderr.write(_CLEAR + progress_line(producer, before))
        sys.stderr.flush()
        before = producer.events


def progress_line(producer: Producer, before: int) -> str:
    """Return what is shown once a second: the events, those of the last second, and the sink's."""
    rate = (producer.events - before) / _EVERY_S
    parts = [producer.sink.name, f"{producer.events:,} events", f"{rate:,.0f} a second"]
    parts += [f"{name} {count:,}" for name, count in producer.sink.counts.items()]
    return " · ".join(parts)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"a setting is NAME=VALUE, got {quote(text)}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
