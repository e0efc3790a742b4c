"""What is in the way of a person who does not see or point as others do, as axe-core has it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .notebook import Notebook

# It comes with `npm --prefix js ci`, as what the bundle is built with does.
AXE = Path(__file__).parents[2] / "js/node_modules/axe-core/axe.min.js"
CHECK = """axe.run({ include: [[".livewidget"]] }, { runOnly: ["wcag2a", "wcag2aa"] })
  .then(({ violations, passes }) => ({
    passed: passes.map(({ id }) => id),
    barriers: violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary}`)),
  }))"""
CONTRAST = "color-contrast"


def barriers(notebook: Notebook) -> list[str]:
    """What WCAG 2 A and AA does not allow in our elements in the page; each with its reason.

    AssertionError where the contrast of no text could be told, as where nothing is in sight.
    """
    if not notebook.js("'axe' in window"):
        notebook.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = notebook.js(CHECK)
    assert CONTRAST in found["passed"]
    return list(found["barriers"])
