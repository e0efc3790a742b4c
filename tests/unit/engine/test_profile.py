"""Where the time goes, of all threads, folded into the stages."""

import threading

import pytest

from livewidget.data.errors import MissingExtraError, SettingError
from livewidget.engine import profile as profiling
from livewidget.engine.profile import fold, profile

SITE = "/usr/lib/python3.11/site-packages"
LOOP = f"_main ({SITE}/livewidget/engine/thread.py:120)"
STACKS = f"""\
<module> (/home/me/run.py:3);push ({SITE}/livewidget/engine/streamer.py:184) 10
{LOOP};step ({SITE}/livewidget/pipeline/clean.py:40);dot ({SITE}/numpy/core.py:9) 50
{LOOP};work ({SITE}/livewidget/engine/workers.py:88);mine (/home/me/op.py:7) 20
run (/usr/lib/python3.11/threading.py:9);mean ({SITE}/numpy/core.py:9) 15
write (C:\\env\\livewidget\\storage\\spooled.py:12) 5

not a stack
"""


def test_stacks_are_folded_by_the_innermost_part_of_ours():
    found = fold(STACKS.splitlines(), seconds=2)
    assert [(each.stage, each.samples) for each in found.lines] == [
        ("pipeline", 70),
        ("other code", 15),
        ("engine", 10),
        ("store", 5),
    ]
    assert found.lines[0].where == "step (pipeline/clean.py)"
    assert found.lines[1].where == "mean (core.py)"
    assert found.samples == 100
    assert found.busy == 0.5
    assert sum(each.share for each in found.lines) == pytest.approx(1.0)
    assert "pipeline      70.0%       70  step (pipeline/clean.py)" in str(found)


def test_nothing_that_ran_is_an_empty_profile():
    found = fold([], seconds=1)
    assert (found.samples, found.busy, found.lines) == (0, 0.0, ())
    assert "0 samples" in str(found)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e9, True, "5", None])
def test_seconds_that_cannot_be(seconds):
    with pytest.raises(SettingError, match="seconds is"):
        profile(seconds)


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setattr(profiling.shutil, "which", lambda *_, **__: None)
    with pytest.raises(MissingExtraError, match=r"livewidget\[profile\]"):
        profile(1)


def test_a_program_that_cannot_look_says_why(monkeypatch):
    monkeypatch.setattr(profiling, "_py_spy", lambda: profiling.shutil.which("false"))
    with pytest.raises(profiling.ProfileError, match="could not look at this process"):
        profile(1)


def test_every_thread_of_this_process_is_seen():
    over = threading.Event()

    def spin():
        while not over.is_set():
            sum(range(1000))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        found = profile(0.5)
    finally:
        over.set()
        thread.join()
    assert found.seconds == 1
    assert any("spin" in each.where for each in found.lines)
