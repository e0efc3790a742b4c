"""A load that goes up a hundredfold in an instant and back, on a page that is too slow for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks import surge

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..browser.notebook import Notebook

SURGES = 5


@pytest.mark.timeout(600)
def test_quality_gives_way_within_a_second_and_is_back_within_five(
    notebook: Notebook, record_property: Callable[[str, object], None]
) -> None:
    notebook.show(surge.CELL)
    surges = surge.surges_of(notebook, SURGES)
    outcome = surge.told_of(surges)
    for each in outcome.figures:
        record_property(each.name, f"{each.value:.0f} {each.unit}")
    assert any(each.decided is not None for each in surges), "none was too much for the page"
    beyond = [each for each in outcome.figures if not each.met]
    assert beyond == []
