import pytest

from livewidget.app.bench import history
from livewidget.app.bench.saved import Measured, Run

HERE = {"cpu": "a", "cores": "2", "python": "3.11"}


def run(push=100.0, frame=2.0, machine=10.0, about=HERE, size=1.0):
    figures = {
        "machine": Measured("the machine itself", "ms", (machine,) * 3),
        "push": Measured("push, 1", "rows/CPU s", (push,) * 3, more=True),
        "frame": Measured("frame", "ms", (frame,) * 3),
    }
    return Run(about, figures, size)


PAST = [run(push=100 + n, frame=2 + n / 100) for n in range(6)]


def test_what_takes_longer_than_ever_is_told():
    assert history.slower(run(push=50), PAST) == [
        "push, 1 took 2.05 times as long as the median of the last 6 runs, longer than each"
    ]
    assert len(history.slower(run(push=50, frame=3), PAST)) == 2


@pytest.mark.parametrize(
    "now",
    [
        run(),
        run(push=500, frame=0.1),
        run(push=99),  # the worst so far, by a little
        run(push=50, frame=4, machine=20),  # all of it is the machine's
        run(machine=5),
    ],
)
def test_what_does_not_stand_out_is_not_told(now):
    assert history.slower(now, PAST) == []


def test_what_was_as_slow_before_is_not_told():
    assert history.slower(run(push=50), [*PAST, run(push=49)]) == []


def test_a_short_history_judges_nothing():
    assert history.slower(run(push=1), PAST[: history.FEWEST - 1]) == []
    new = Run(HERE, {"new": Measured("new", "ms", (1.0,))})
    assert history.slower(new, PAST) == []


def test_only_runs_of_the_same_machine_and_size_are_held_against_it():
    other = run(about=HERE | {"cpu": "b"})
    newer = run(about=HERE | {"python": "3.12"})
    assert history.comparable(run(), [*PAST, other, run(size=0.5), newer]) == [*PAST, newer]
    assert len(history.comparable(run(), PAST * 10)) == history.LAST


def test_a_history_is_kept_bounded_and_damaged_lines_are_passed_by(tmp_path):
    path = tmp_path / "deep" / "history.jsonl"
    assert history.read(path) == []
    history.write(path, PAST)
    assert history.read(path) == PAST
    with path.open("a") as file:
        file.write('{"kind": "livewidget bench", "format": 0}\n[]\n{"cut')
    assert history.read(path) == PAST
    history.write(path, PAST * 100)
    assert len(history.read(path)) == history.KEPT
