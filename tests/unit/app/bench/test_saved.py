import json
import os

import pytest

from livewidget.app.bench.saved import Measured, Run, folder, place
from livewidget.data.errors import SettingError

RUN = Run({"cpu": "a cpu"}, {"push": Measured("push, 1", "rows/CPU s", (1.0, 2.0), True, 1.2)}, 0.5)


def test_a_run_is_read_as_it_was_saved(tmp_path):
    path = tmp_path / "deep" / "run.json"
    RUN.save(path)
    assert Run.load(path) == RUN
    assert [each.name for each in path.parent.iterdir()] == ["run.json"]


def test_a_name_lies_in_the_users_folder_for_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert place("main") == tmp_path / "livewidget" / "bench" / "main.json"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder() == tmp_path / ".local" / "share" / "livewidget" / "bench"


@pytest.mark.parametrize("name", ["./main", "runs/main.json", "main.json"])
def test_what_looks_like_a_path_is_one(name):
    assert str(place(name)) == os.path.normpath(name)


@pytest.mark.parametrize("name", ["", "..", "a b", "-x", "a\nb"])
def test_a_name_that_is_none_is_told(name):
    with pytest.raises(SettingError, match="a run is saved under a name such as main"):
        place(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no saved run of `livewidget bench`: no JSON"),
        ("\xff", "no JSON"),
        ("[1, 2]", "is no saved run of `livewidget bench`"),
        ('{"kind": "else"}', "is no saved run"),
        (
            '{"kind": "livewidget bench", "format": 7}',
            "is a run in format 7, this livewidget reads",
        ),
        ('{"kind": "livewidget bench", "format": 1}', "is a damaged run: KeyError 'figures'"),
    ],
)
def test_what_is_no_run_is_told(tmp_path, text, said):
    path = tmp_path / "run.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(SettingError, match=r"run\.json") as caught:
        Run.load(path)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"samples": []},
        {"samples": [0.0]},
        {"samples": [1e999]},
        {"samples": ["x"]},
        {"samples": "123"},
        {"samples": None},
        {"relevant": float("nan")},
        {"relevant": None},
    ],
)
def test_figures_that_cannot_be_are_told(tmp_path, change):
    data = RUN.to_json()
    data["figures"]["push"] |= change
    path = tmp_path / "run.json"
    path.write_text(json.dumps(data))
    with pytest.raises(SettingError, match="is a damaged run"):
        Run.load(path)


@pytest.mark.parametrize(
    ("part", "value"),
    [(part, value) for part in ("figures", "machine") for value in (None, 3, [1])]
    + [("size", None), ("size", "big"), ("size", [1])],
)
def test_any_part_may_be_damaged(part, value):
    with pytest.raises(SettingError, match=r"^it is a damaged run"):
        Run.from_json(RUN.to_json() | {part: value}, "it")


def test_a_run_that_is_not_there_is_told_with_those_that_are(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(SettingError, match="saved by name: none yet"):
        Run.load(place("main"))
    RUN.save(place("other"))
    with pytest.raises(SettingError, match=r"main\.json is not there; saved by name: other"):
        Run.load(place("main"))


def test_a_folder_that_cannot_be_read_or_written_is_told(tmp_path):
    with pytest.raises(SettingError, match="cannot be read: Is a directory"):
        Run.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="cannot be written"):
        RUN.save(tmp_path / "file" / "run.json")
