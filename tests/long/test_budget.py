"""1,000,000 samples a second for minutes within a budget of 256 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..integration.engine.test_budget import SPARE, run

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seconds", [60, 600])
def test_a_budget_is_not_passed(
    seconds: int, record_property: Callable[[str, object], None]
) -> None:
    figures = run(seconds)
    for name, value in figures.items():
        record_property(name, value)
    assert figures["said"] <= SPARE * figures["budget"]
    assert figures["given"] <= SPARE * figures["budget"]
