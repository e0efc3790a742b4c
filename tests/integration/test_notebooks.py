"""Each notebook runs from top to bottom in a kernel that nobody looks at."""

from __future__ import annotations

import re
from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest

from livewidget.testing import KafkaServer

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WITHOUT_KAFKA = """
from livewidget.testing import KafkaServer
KafkaServer.is_available = staticmethod(lambda: False)
"""
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


def read(name: str) -> Any:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def ran(name: str, folder: Path) -> Any:
    """The notebook with its outputs; raises what a cell raised."""
    return run(read(name), folder)


def run(notebook: Any, folder: Path) -> Any:
    """Run a notebook that was read; see `ran`."""
    about = {"metadata": {"path": str(folder)}}
    return nbclient.NotebookClient(notebook, timeout=120, resources=about).execute()


def texts(notebook: Any) -> list[str]:
    """What each code cell ends with, as plain text; empty where it shows nothing."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    ends = [cell.outputs[-1] if cell.outputs else {} for cell in code]
    return [end.get("data", {}).get("text/plain", "") for end in ends]


@pytest.mark.parametrize("name", NAMES)
def test_saved_without_outputs_and_without_secrets(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert "widgets" not in notebook.metadata
    assert max(len(cell.source) for cell in notebook.cells if cell.cell_type == "markdown") < 600


@pytest.mark.parametrize("name", NAMES)
def test_pictures_and_notebooks_it_names_are_there(name: str) -> None:
    text = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert any(link.startswith("images/") for link in links), "a picture early"
    assert not [link for link in links if not (NOTEBOOKS / link).is_file()]


def test_the_quickstart_is_live_in_under_ten_lines() -> None:
    first = next(cell for cell in read("quickstart").cells if cell.cell_type == "code")
    compact = [line for line in first.source.splitlines() if line.strip()]
    assert len(compact) < 10
    assert "LiveChart(" in first.source


def test_quickstart(tmp_path: Path) -> None:
    shown = texts(ran("quickstart", tmp_path))
    # The first cell may end before the first reading has come, or after it.
    assert re.fullmatch(r"LiveChart\('this machine', (waiting|live)\)", shown[0])
    assert "cpu" in shown[3]
    assert "'state': 'live'" in shown[4]


def test_websocket_comes_back_with_a_gap_and_balances(tmp_path: Path) -> None:
    shown = texts(ran("websocket", tmp_path))
    assert "the connection was lost" in shown[3]
    assert "not JSON" in shown[4]
    assert "rejected=2, dropped=0" in shown[5]


def test_push_from_a_loop_keeps_every_event(tmp_path: Path) -> None:
    shown = texts(ran("push-from-a-loop", tmp_path))
    assert "1000.0" in shown[2]
    received, stored = re.findall(r"(?:received|stored)=(\d+)", shown[4])
    assert int(received) == int(stored) >= 1_000_000


def test_sources_run_and_are_accounted_for(tmp_path: Path) -> None:
    pytest.importorskip("aiomqtt", reason="aiomqtt, of the extra mqtt, is not installed")
    shown = texts(ran("sources", tmp_path))
    assert [text for text in shown if text.startswith("LiveChart(")]
    assert "healthy=True" in shown[-4]
    assert "'suspended'" in shown[-3]
    assert '"spread"' in shown[-2]


def test_history_is_there_behind_a_restart_and_in_all_tiers(tmp_path: Path) -> None:
    shown = texts(ran("history", tmp_path))
    assert int(shown[4]) >= 108_000, "what was recovered"
    assert "nothing was running" in shown[6]
    rows, missing = shown[7].strip("()").split(", ")
    assert (int(rows) > 2_000, missing) == (True, "[]")
    assert shown[12] == "(5000, [])", "with a tier down"
    assert int(shown[13]) > 108_000, "what was exported"
    assert not [*tmp_path.iterdir()], "nothing is left behind"


def test_market_moves_to_the_fallback_and_back(tmp_path: Path) -> None:
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    if not KafkaServer.is_available():
        pytest.skip("noida-db, the server of Kafka's protocol, is not installed")
    shown = texts(ran("market", tmp_path))
    assert "by ws://" in shown[3]
    assert "1 of 2 preferred is away" in shown[3]
    assert "by kafka://" in shown[4]
    assert "rejected=0, dropped=0" in shown[5]
    assert "healthy=True" in shown[6]


def test_windows_correct_what_came_late_and_go_on_after_a_restart(tmp_path: Path) -> None:
    shown = texts(ran("windows", tmp_path))
    assert len([text for text in shown if text.startswith("LiveChart(")]) == 10
    assert "correction" in shown[9]
    assert ("final" in shown[10], "correction" in shown[10]) == (True, True)
    counted = {name: int(parts) for name, parts in re.findall(r"(\w+) +(\d+)", shown[11])}
    assert counted["hasty"] < counted["corrected"] == counted["patient"]
    assert shown[14].count("60.0  120.0") == 2
    assert "06:03:00" in shown[15], "the minute that was open"
    assert shown[15].count("60.0  120.0") == 2
    assert not [*tmp_path.iterdir()], "nothing is left behind"


@pytest.mark.parametrize("through", ["Kafka", "nothing"])
def test_market_analytics_find_who_leads(tmp_path: Path, through: str) -> None:
    if through == "Kafka":
        pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
        if not KafkaServer.is_available():
            pytest.skip("noida-db, the server of Kafka's protocol, is not installed")
    notebook = read("market-analytics")
    if through == "nothing":
        code = next(cell for cell in notebook.cells if cell.cell_type == "code")
        code.source += WITHOUT_KAFKA
    shown = texts(run(notebook, tmp_path))
    assert shown[1].startswith("DataStreamer('kafka://" if through == "Kafka" else "DataStreamer(")
    assert "alpha_close" in shown[9]
    figures = literal_eval(shown[10])
    assert figures["candles"] >= 44, "of two seconds each, the ninety that came at once"
    assert figures["alerts"] >= 3
    assert figures["lags"] == [0.4, 1.2]
    assert [path.name for path in tmp_path.iterdir()] == ["candles.jsonl"]


def test_anomalies_are_found_scored_and_told(tmp_path: Path) -> None:
    shown = texts(ran("anomalies", tmp_path))
    scores = literal_eval(shown[2])
    assert scores["recall"] == 1
    assert scores["precision"] > 0.6
    assert len([text for text in shown if text.startswith("LiveChart(")]) == 5
    assert literal_eval(shown[-1])["rules"][0] == "spike"
