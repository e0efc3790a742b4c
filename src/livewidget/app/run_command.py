"""`livewidget run`: a stream file, headless."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from livewidget.data.errors import SettingError
from livewidget.data.events import State

if TYPE_CHECKING:
    from livewidget.engine.streamer import DataStreamer

_EVERY_S = 1.0
_CLEAR = "\r\x1b[K"  # the beginning of the line, and nothing behind it
_COUNTS = ("received", "stored", "filtered", "rejected", "dropped", "gaps")
FAILED = 1

_EXAMPLES = """examples:
  livewidget run stream.toml
  livewidget run stream.toml --check
  livewidget run stream.toml --duration 60
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to an argparse object of subparsers."""
    parser = commands.add_parser(
        "run",
        help="run a stream file: its sources, pipeline and outputs",
        description="Run the stream that a TOML or YAML file describes, until its sources end or "
        "Ctrl-C. Ends with 1 where the stream or an output failed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", help="the stream file, .toml or .yaml")
    parser.add_argument("--check", action="store_true", help="only say whether the file is right")
    parser.add_argument("--duration", type=float, metavar="S", help="end after so many seconds")
    parser.set_defaults(command=run)


def run(chosen: argparse.Namespace) -> int:
    """Run the file, with progress on a terminal and a summary at the end, both on stderr."""
    from livewidget.engine.plan import Plan

    if chosen.duration is not None and not chosen.duration > 0:
        raise SettingError(f"--duration is seconds above 0, got {chosen.duration}")
    plan = Plan.load(chosen.file)
    if chosen.check:
        sys.stderr.write(f"{chosen.file}: {plan.summary()}\n")
        return 0
    streamer = plan.open()
    try:
        with streamer:
            _watch(streamer, chosen.duration)
    finally:
        sys.stderr.write(f"{summary(streamer)}\n")
    failed = [each for each in streamer.outputs if each.error]
    for each in failed:
        sys.stderr.write(f"output {each.name}: {each.error}\n")
    return FAILED if failed or streamer.state[0] is State.FAILED else 0


def _watch(streamer: DataStreamer, duration: float | None) -> None:
    until = float("inf") if duration is None else time.monotonic() + duration
    shown, before = sys.stderr.isatty(), 0
    try:
        while not streamer.wait(min(_EVERY_S, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until:
                return
            if shown:
                sys.stderr.write(_CLEAR + progress_line(streamer, before))
                sys.stderr.flush()
            before = streamer.account().received
    finally:
        if shown:
            sys.stderr.write(_CLEAR)


def progress_line(streamer: DataStreamer, before: int) -> str:
    """Return what is shown once a second; `before` events had been received a second ago."""
    stats = streamer.stats()
    state, detail, _ = streamer.state
    rate = (stats["received"] - before) / _EVERY_S
    parts = [f"{state}: {detail}" if detail and state is not State.LIVE else str(state)]
    parts += [f"{rate:,.0f} events/s"]
    parts += [f"{name} {stats[name]:,}" for name in _COUNTS if stats[name]]
    if stats.get("queued"):
        parts.append(f"queued {stats['queued']:,}")
    parts += [f"→ {each.name} {each.written:,}" for each in streamer.outputs]
    return " · ".join(parts)


def summary(streamer: DataStreamer) -> str:
    """Return what is said at the end: the state, the account, and why events were rejected."""
    stats = streamer.stats()
    state, detail, _ = streamer.state
    lines = [f"{state}: {detail}" if detail else str(state)]
    lines += [", ".join(f"{name} {stats[name]:,}" for name in _COUNTS)]
    lines += [
        f"  {count:,} times: {reason}" for reason, count in list(stats["reasons"].items())[:10]
    ]
    return "\n".join(lines)
