"""Buffers that share a budget stay within it, by their own word and by the system's."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("budget_process.py")
SECONDS = 15
SPARE = 1.05


def run(seconds):
    command = [sys.executable, str(SCRIPT), str(seconds)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds + 120)
    return json.loads(done.stdout)


def test_a_budget_is_not_passed(record_property):
    figures = run(SECONDS)
    for name, value in figures.items():
        record_property(name, value)
    assert figures["said"] <= SPARE * figures["budget"]
    assert figures["given"] <= SPARE * figures["budget"]
    assert figures["at the end"] > 0.8 * figures["budget"]
