"""What all tests share: saying what could not run here, and reporting what was measured."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

REQUIRE_BROWSER = os.environ.get("LIVEWIDGET_REQUIRE_BROWSER") == "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--report", type=Path, help="write a Markdown report of this run")


# In these the time that something takes is what is tested.
TIMED = (
    "test_adapt.py",
    "test_busy.py",
    "test_chart.py",
    "test_far.py",
    "test_history.py",
    "test_memory.py",
    "test_motion.py",
    "test_sight.py",
    "test_slow_link.py",
    "test_views.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what opens a browser, and run it last: what fails quickly fails first.

    What is timed there is marked `alone`; all else may have company.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
            if item.path.name in TIMED:
                item.add_marker("alone")
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where browsers are required, as in CI, a browser test that did not run is a failure."""
    reporter: TerminalReporter | None = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of xdist: the run that started it has the reports of all
        return
    if REQUIRE_BROWSER and (missing(reporter, browser_only=True) or not browser_ran(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    reasons = missing(terminalreporter, browser_only=False)
    if reasons:
        terminalreporter.section("not run here, and why")
    for reason, count in reasons.items():
        terminalreporter.line(f"{count} x {reason}")
    if REQUIRE_BROWSER and missing(terminalreporter, browser_only=True):
        terminalreporter.line("FAILED: browser tests are required here, and some were skipped")
    elif REQUIRE_BROWSER and not browser_ran(terminalreporter):
        terminalreporter.line("FAILED: browser tests are required here, and none ran")
    path = terminalreporter.config.getoption("--report")
    if path is not None:
        write_report(path, terminalreporter)


def missing(reporter: TerminalReporter, *, browser_only: bool) -> dict[str, int]:
    """How many tests were skipped, by reason."""
    counts: dict[str, int] = defaultdict(int)
    for report in reporter.stats.get("skipped", []):
        if is_browser(report) or not browser_only:
            counts[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
    return counts


def browser_ran(reporter: TerminalReporter) -> bool:
    return any(
        is_browser(report)
        for outcome in ("passed", "failed")
        for report in reporter.stats.get(outcome, [])
    )


def is_browser(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """A module that is skipped whole has no marks yet, but lies in the folder."""
    marks = getattr(report, "keywords", {})
    return "browser" in marks or report.nodeid.startswith("tests/browser")


def write_report(path: Path, reporter: TerminalReporter) -> None:
    """What ran, how long it took, and what it measured (`record_property`)."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        f"# {path.stem}",
        "",
        f"{time.strftime('%Y-%m-%d %H:%M %Z')}. {machine}, Python {platform.python_version()}.",
        f"Command: `pytest {' '.join(sys.argv[1:])}`",
        "",
        "| test | outcome | seconds | measured |",
        "|---|---|---|---|",
    ]
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in reporter.stats.get(outcome, []):
            figures = "; ".join(
                f"{name}: {value}" for name, value in getattr(report, "user_properties", ())
            )
            lines.append(f"| `{report.nodeid}` | {outcome} | {report.duration:.1f} | {figures} |")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
