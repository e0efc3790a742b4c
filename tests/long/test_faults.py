"""200 faults over each kind of source: what is not stored is rejected or inside a gap."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from ..integration.sources import numbered
from ..integration.sources.faults import FaultRun

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS = 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", numbered.KINDS)
def test_every_number_is_stored_rejected_or_inside_a_gap(
    kind: str, record_property: Callable[[str, object], None]
) -> None:
    run = FaultRun(kind, random.Random(7))
    ledger = run.run(FAULTS)
    record_property("faults", dict(run.counts))
    record_property("sent", run.sender.sent)
    record_property("stored", len(ledger.distinct))
    record_property("came twice", ledger.account.filtered)
    record_property("rejected", len(ledger.rejected))
    record_property("inside gaps", len(ledger.in_gaps))
    record_property("gaps", len(ledger.gaps))
    ledger.check(kind, run.proxy.duplicated)
    assert ledger.rejected
    assert bool(ledger.gaps) == (kind == "websocket")
