"""The load report's tables: from runs to what a reader sees."""

from __future__ import annotations

import pytest
from benchmarks.load import report
from benchmarks.load.path import Carried
from benchmarks.load.report import Runs, by_rate, capacity, write


@pytest.fixture(autouse=True)
def drawn(monkeypatch) -> list[str]:
    """The names of the plots, which are not drawn: that takes seconds."""
    names: list[str] = []
    monkeypatch.setattr(report, "draw", lambda plot, path: names.append(path.name))
    return names


def _carried(rate: float = 1_000.0, **changed: object) -> Carried:
    plain = {
        "rate": rate,
        "offered": rate,
        "frame_ms": (20.0, 40.0),
        "store_ms": (1.0, 3.0),
        "lost": 0.0,
        "cores": 0.5,
        "rows_a_cpu_s": 2 * rate,
        "rss": 100_000_000,
        "frames": 30.0,
        "row_bytes": 88.0,
        "disk_bytes": 44.0,
        "exact": True,
    }
    return Carried(**(plain | changed))


def _runs(**changed: object) -> Runs:
    paced = {(rate, workers): _carried(rate) for rate in (1_000, 10_000) for workers in (1, 2)}
    stores = {name: _carried() for name in ("none", "ahead", "ahead, strict", "in line")}
    plain = {
        "paced": paced,
        "sizes": {1: _carried(10.0), 10: _carried(100.0)},
        "threads": {0: _carried(10.0), 2: _carried(15.0)},
        "stores": stores,
        "full": stores,
        "seconds": 5.0,
    }
    return Runs(**(plain | changed))


def test_each_rate_and_number_of_workers_has_a_row() -> None:
    rows = by_rate(_runs().paced)
    assert len(rows) == 2 + 4
    assert rows[2] == "| 1,000 | 1 | 1,000 | 0 % | 20.0 | 40.0 | 0.50 | 100 | 30.0 |"


def test_a_run_without_a_frame_is_told_as_unknown() -> None:
    assert "| nan | nan |" in by_rate({(1_000, 1): _carried(frame_ms=None)})[2]


def test_capacity_is_rate_times_hour_times_row() -> None:
    rows = capacity(_runs())
    assert rows[2] == "| 1,000 | 0.50 | 100 | 317 | 158 |"
    assert len([row for row in rows if row.startswith("| 1")]) == 2


def test_the_report_says_where_an_account_does_not_come_out(tmp_path, drawn) -> None:
    write(tmp_path / "load.md", _runs(), "command")
    assert "came out to the row: **yes**" in (tmp_path / "load.md").read_text()
    assert drawn == ["load-latency.png", "load-cores.png", "load-memory.png"]
    write(tmp_path / "load.md", _runs(sizes={1: _carried(exact=False)}), "command")
    assert "came out to the row: **NO**" in (tmp_path / "load.md").read_text()


@pytest.mark.parametrize(
    ("threads", "told"),
    [
        ({0: _carried(10.0), 2: _carried(15.0)}, "2 workers carried 1.5 times what none did"),
        ({0: _carried(10.0), 2: _carried(5.0)}, "Workers bought nothing on this machine"),
    ],
)
def test_the_report_says_what_workers_bought(tmp_path, threads, told) -> None:
    write(tmp_path / "load.md", _runs(threads=threads), "command")
    assert told in (tmp_path / "load.md").read_text()
