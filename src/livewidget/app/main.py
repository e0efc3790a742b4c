"""The command `livewidget`: one file a subcommand, each of which adds itself here."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from livewidget._version import __version__
from livewidget.app import bench_command, produce_command, run_command
from livewidget.data.errors import LivewidgetError

USAGE_ERROR = 2


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with 2."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, or 2 with one line on stderr.

    An interrupt (SIGINT, and SIGTERM as well) is the ordinary way to end what has no end: 0. To be
    called from the main thread.
    """
    chosen = _parser().parse_args(arguments)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        code: int = chosen.command(chosen)
    except LivewidgetError as error:
        sys.stderr.write(f"livewidget: {' '.join(str(error).split())}\n")
        return USAGE_ERROR
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="livewidget", description="Live data, from a shell.")
    parser.add_argument("--version", action="version", version=f"livewidget {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in (produce_command, run_command, bench_command):
        command.add_to(commands)
    return parser


def _interrupt(*_: Any) -> None:
    signal.raise_signal(signal.SIGINT)
