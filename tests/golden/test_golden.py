"""Golden frames: what one encoder wrote, both readers must read. vitest reads the same files.

`LIVEWIDGET_WRITE_GOLDEN=1` writes them anew, for a change of the wire that is meant.
"""

from __future__ import annotations

import json
import math
import os
import struct
from pathlib import Path

import pytest

from .browser import Page, columns, opened, u32
from .scenarios import SCENARIOS

HERE = Path(__file__).parent
WRITE = os.environ.get("LIVEWIDGET_WRITE_GOLDEN") == "1"


def plain(values: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


def expected(page: Page) -> dict[str, object]:
    charts = {}
    for chart, store in page.stores.items():
        series = [dict(zip("xy", map(plain, columns(each)), strict=True)) for each in store.series]
        charts[str(chart)] = {
            "generation": store.generation,
            "sequence": store.sequence,
            "series": series,
        }
    return {"charts": charts}


def parted(data: bytes) -> list[bytes]:
    """The packets of a golden file."""
    packets, at = [], 0
    while at < len(data):
        end = at + 4 + u32(data, at)
        packets.append(data[at + 4 : end])
        at = end
    return packets


def told(packets: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Form and contents: the bytes that one zlib packs into are not those of another."""
    return [(each[:12] if opened(each) != each else b"", opened(each)) for each in packets]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_encoder_writes_the_same_bytes_as_ever(name: str) -> None:
    tape = SCENARIOS[name]()
    written = b"".join(struct.pack("<I", len(each)) + each for each in tape.packets)
    page = Page()
    for packet in tape.packets:
        page.take(packet)
    said = json.dumps(expected(page), allow_nan=False, indent=1) + "\n"
    if WRITE:
        (HERE / f"{name}.bin").write_bytes(written)
        (HERE / f"{name}.json").write_text(said)
    assert told(parted((HERE / f"{name}.bin").read_bytes())) == told(tape.packets)
    assert (HERE / f"{name}.json").read_text() == said


def test_no_golden_file_has_outlived_its_scenario() -> None:
    assert {path.stem for path in HERE.glob("*.bin")} == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_scenario_ends_where_a_fresh_snapshot_would(name: str) -> None:
    tape = SCENARIOS[name]()
    page, fresh = Page(), Page()
    for packet in tape.packets:
        page.take(packet)
    told = len(tape.packets)
    tape.frame(snapshot=True)
    for packet in tape.packets[told:]:
        fresh.take(packet)
    left, right = page.stores[1], fresh.stores[1]
    assert left.dump(0)[12:] == right.dump(0)[12:]


def test_the_scenarios_use_all_of_the_layout() -> None:
    from .browser import read_packet

    parts = [
        part
        for scenario in SCENARIOS.values()
        for packet in scenario().packets
        for part in read_packet(packet)[1]
    ]
    sections = [section for part in parts for section in part.sections]
    assert any(section.trim for section in sections)
    assert any(section.cut and section.append for section in sections)
    assert any(len(section.patches) > 1 for section in sections)
    assert any(insert > remove > 0 for s in sections for _, remove, insert in s.patches)
    assert any(remove == 0 for s in sections for _, remove, _ in s.patches)
    forms = [each[:8] for each in SCENARIOS["packed"]().packets if opened(each) != each]
    assert {u32(each, 4) for each in forms} == {0, 1}
    assert any(part.parts > 1 and part.snapshot for part in parts)
    assert any(part.parts > 1 and not part.snapshot for part in parts)
    assert any(part.generation > 1 for part in parts)
    assert any(math.isnan(y) for section in sections for _, y in section.points)
