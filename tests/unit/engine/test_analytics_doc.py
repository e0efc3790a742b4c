"""What docs/analytics.md shows does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import livewidget
from livewidget import LiveChart
from livewidget.engine.plan import Plan
from livewidget.engine.thread import Engine
from livewidget.testing import wait_until

TEXT = (Path(__file__).parents[3] / "docs" / "analytics.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_its_cells_run_one_after_another(capsys, monkeypatch):
    names: dict[str, object] = {}
    charts: list[LiveChart] = []  # some cells give theirs no name

    def chart(*args: object, **settings: object) -> LiveChart:
        charts.append(LiveChart(*args, **settings))
        return charts[-1]

    monkeypatch.setattr(livewidget, "LiveChart", chart)
    for cell in blocks("python"):
        exec(cell, names)
    stats = names["stats"].start()
    wait_until(lambda: stats.account().filtered == 4)
    jumps = names["jumps"].start()
    wait_until(lambda: jumps.account().stored == 4)
    for part in (*charts, names["manager"], names["hot"], names["base"], stats, jumps):
        (part.close if hasattr(part, "close") else part.stop)()
    found = stats.to_dataframe()
    assert found["sensor"].tolist() == ["a", "b", "a", "a"]
    assert found["share"].tolist() == [0, 0, 1, 0]
    capsys.readouterr()  # what the handler printed


def test_its_file_runs(tmp_path):
    (file,) = blocks("toml")
    path = tmp_path / "stream.toml"
    path.write_text(file.replace('size = "10s"', 'size = "200ms"'))
    engine = Engine()
    streamer = Plan.load(path).open(engine=engine)
    streamer.start()
    wait_until(lambda: streamer.account().stored > 0)
    assert {"mean", "p95", "n", "odd", "share"} <= set(streamer.schema.names)
    streamer.stop()
    engine.close()
    assert '"share"' in (tmp_path / "windows.ndjson").read_text()


def test_every_file_it_links_to_is_there():
    targets = re.findall(r"\]\((?!https:)([^)#]+)\)", TEXT)
    docs = Path(__file__).parents[3] / "docs"
    assert [target for target in targets if not (docs / target).exists()] == []
