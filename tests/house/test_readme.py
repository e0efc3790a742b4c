"""The README's example does what it says."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_example_runs_and_returns_all_that_was_pushed():
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[-1]
    shown = []
    names = {"display": shown.append}
    exec(code.replace("time.sleep(0.01)", "pass"), names)
    with names["chart"] as chart:
        assert shown == [chart]
        assert len(chart.to_dataframe()) == 1_000


def test_every_file_it_links_to_is_there():
    text = (ROOT / "README.md").read_text()
    targets = re.findall(r"\]\((?!https:)([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
