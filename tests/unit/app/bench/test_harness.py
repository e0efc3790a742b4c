import json

from livewidget.app.bench import harness
from livewidget.app.bench.harness import (
    Figure,
    Outcome,
    Plot,
    interleaved,
    percentile,
    quartiles,
    ratios,
)


class Clock:
    """Seconds that pass where a job says so."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def job(self, seconds):
        def run():
            self.now += seconds
            return seconds

        return run


def test_jobs_take_turns_and_the_warm_up_is_not_counted():
    told = []
    jobs = {"a": lambda: len(told), "b": lambda: -len(told)}
    taken = interleaved(jobs, 3, warm_up=1, on_job=lambda turn, name: told.append((turn, name)))
    assert told == [(turn, name) for turn in (-1, 0, 1, 2) for name in "ab"]
    assert taken == {"a": [3, 5, 7], "b": [-4, -6, -8]}


def test_no_round_begins_that_would_not_end_in_time(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(harness, "time", clock)
    taken = interleaved({"a": clock.job(2), "b": clock.job(1)}, 100, 1, within=20)
    assert {name: len(each) for name, each in taken.items()} == {"a": 5, "b": 5}
    assert clock.now == 18


def test_a_slow_machine_does_the_least_rounds_all_the_same(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(harness, "time", clock)
    assert len(interleaved({"a": clock.job(50)}, 100, 1, within=20)["a"]) == 3


def test_an_outcome_goes_through_json_and_back():
    figure = Figure("frame", 1.5, "ms", "beside", 2.0, low=1.0, high=2.0)
    outcome = Outcome("A title", [figure], [Plot("p", "x", "y", lines={"a": [(1, 2)]})], "a note")
    back = Outcome.from_json(json.loads(json.dumps(outcome.to_json())))
    assert (back.title, list(back.figures), back.note) == ("A title", [figure], "a note")
    assert back.figures[0].met is True


def test_quartiles_ratios_and_percentiles():
    assert quartiles([1, 2, 3, 4, 5]) == (1.5, 3, 4.5)
    assert ratios([2, 4, 6], [1, 2, 3]) == (2, 2, 2)
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([3, 1, 2], 99) == 3
